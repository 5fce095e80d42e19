-- Switches a receiver off with a reason, or on.
UPDATE webhook SET disabled = ?2 WHERE name = ?1
