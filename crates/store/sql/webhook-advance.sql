-- Notes how far the trail was looked through for a receiver.
UPDATE webhook SET next = ?2 WHERE name = ?1 AND next < ?2
