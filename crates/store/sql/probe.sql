-- Writes something that nobody reads, to see whether the store can be written.
UPDATE installation SET probed_at = ?1 WHERE one = 1
