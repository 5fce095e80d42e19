-- What is due of a receiver's outbox, the oldest entries first.
SELECT sequence, tries, since FROM webhook_delivery WHERE webhook = ?1 AND next_try <= ?2 ORDER BY sequence LIMIT ?3
