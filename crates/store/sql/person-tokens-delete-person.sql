-- Voids the tokens of a person.
DELETE FROM person_token WHERE person = ?1
