-- The exchange of the installation's key that is under way.
SELECT from_key, to_key, cursor, begun FROM key_rotation
