-- Takes a token back.
DELETE FROM api_token WHERE id = ?1
