-- Receivers of events. Of a secret only the salt is kept from which it is derived; `kinds` are words with blanks between.
CREATE TABLE webhook (
  name TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  kinds TEXT NOT NULL,
  private INTEGER NOT NULL CHECK (private IN (0, 1)),
  salt BLOB NOT NULL,
  salt_before BLOB,
  next INTEGER NOT NULL,
  disabled TEXT,
  made_by TEXT NOT NULL,
  made INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox: entries of the trail that a receiver has not taken yet.
CREATE TABLE webhook_delivery (
  webhook TEXT NOT NULL REFERENCES webhook (name) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  since INTEGER NOT NULL,
  next_try INTEGER NOT NULL,
  failure TEXT,
  PRIMARY KEY (webhook, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook, next_try);
