-- One token of a person.
SELECT id, person, issued, expires, hash FROM person_token WHERE id = ?1
