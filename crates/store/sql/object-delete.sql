-- Deletes an object, if it is there.
DELETE FROM object WHERE kind = ?1 AND name = ?2
