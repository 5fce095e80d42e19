-- Says whose store this is.
INSERT INTO installation (one, id) VALUES (1, ?1)
