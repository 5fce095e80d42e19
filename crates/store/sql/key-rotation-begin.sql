-- An exchange of the installation's key begins, where none is under way.
INSERT INTO key_rotation (one, from_key, to_key, cursor, begun) VALUES (1, ?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
