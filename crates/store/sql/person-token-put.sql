-- Keeps a token of a person.
INSERT INTO person_token (id, person, issued, expires, hash) VALUES (?1, ?2, ?3, ?4, ?5)
