-- Deletes the connect secrets that have expired.
DELETE FROM connect_secret WHERE expires <= ?1
