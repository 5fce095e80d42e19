-- One token.
SELECT id, name, scopes, issued, expires, made_by, hash FROM api_token WHERE id = ?1
