-- Deletes the connect secrets of a person who goes.
DELETE FROM connect_secret WHERE person = ?1
