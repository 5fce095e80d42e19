-- Makes all of a receiver's outbox due, as if it had just been put there.
UPDATE webhook_delivery SET tries = 0, since = ?2, next_try = ?2, failure = NULL WHERE webhook = ?1
