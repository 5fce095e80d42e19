-- What a secret was sealed for, so that a person can be told, and the secret bound anew: the record that it serves, and where
-- it may be sent, as JSON. Empty for secrets that were set before.
ALTER TABLE sealed_secret ADD COLUMN resource TEXT;
ALTER TABLE sealed_secret ADD COLUMN destination TEXT;

-- The re-sealing of secrets under a new installation key, while it is under way: at most one row.
CREATE TABLE key_rotation (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  -- The fingerprints of the key before and of the new one.
  from_key TEXT NOT NULL,
  to_key TEXT NOT NULL,
  -- The last user record whose secret is sealed by the new key; empty before the first.
  cursor TEXT NOT NULL,
  begun INTEGER NOT NULL
) STRICT;
