-- The id of the token of that name.
SELECT id FROM api_token WHERE name = ?1
