-- Voids every token of the API: a new epoch begins.
DELETE FROM api_token
