-- Puts an entry into the outbox of a receiver.
INSERT INTO webhook_delivery (webhook, sequence, tries, since, next_try) VALUES (?1, ?2, 0, ?3, ?3)
ON CONFLICT (webhook, sequence) DO NOTHING
