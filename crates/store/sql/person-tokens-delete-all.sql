-- Voids every token of a person: everybody is locked down, or a new epoch begins.
DELETE FROM person_token
