-- Forgets what searches of a target found.
DELETE FROM orphan WHERE target = ?1
