-- Takes a token of a person back.
DELETE FROM person_token WHERE id = ?1
