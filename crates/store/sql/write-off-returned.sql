-- Notes that a target answers again.
UPDATE write_off SET returned = ?2 WHERE target = ?1 AND returned IS NULL
