-- Raises the revision; the one expected was compared before, in the same transaction.
UPDATE object_revision SET revision = revision + 1 WHERE one = 1
