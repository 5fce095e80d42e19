-- Notes that an entry was not taken, and when it is tried again.
UPDATE webhook_delivery SET tries = tries + 1, next_try = ?3, failure = ?4 WHERE webhook = ?1 AND sequence = ?2
