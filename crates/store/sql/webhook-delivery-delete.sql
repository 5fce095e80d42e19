-- Takes out of the outbox what was taken.
DELETE FROM webhook_delivery WHERE webhook = ?1 AND sequence = ?2
