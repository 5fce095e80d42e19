-- How far the exchange has come.
UPDATE key_rotation SET cursor = ?1
