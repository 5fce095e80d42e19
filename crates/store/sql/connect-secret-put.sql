-- Keeps a connect secret.
INSERT INTO connect_secret (person, record, id, issued, expires, verifier, used, last_used, native)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
