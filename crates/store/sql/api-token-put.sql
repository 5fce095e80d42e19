-- Keeps a token.
INSERT INTO api_token (id, name, scopes, issued, expires, made_by, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
