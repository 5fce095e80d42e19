-- Drops the tokens that have expired.
DELETE FROM api_token WHERE expires <= ?1
