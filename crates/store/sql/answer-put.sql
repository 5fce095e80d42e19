-- Keeps an answer in place of an older one under the same key.
INSERT OR REPLACE INTO answer (key, request, status, body, at) VALUES (?1, ?2, ?3, ?4, ?5)
