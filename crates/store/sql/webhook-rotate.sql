-- Gives a receiver a new secret, beside the one before; without a new one, forgets the one before.
UPDATE webhook SET salt_before = CASE WHEN ?2 IS NULL THEN NULL ELSE salt END, salt = coalesce(?2, salt) WHERE name = ?1
