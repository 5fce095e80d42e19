-- Deletes the connect secrets for a resource that goes.
DELETE FROM connect_secret WHERE record = ?1
