-- A page of tokens.
SELECT id, name, scopes, issued, expires, made_by, hash FROM api_token WHERE id > ?1 ORDER BY id LIMIT ?2
