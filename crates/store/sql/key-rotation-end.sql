-- The exchange is over.
DELETE FROM key_rotation
