-- Answers to requests that came with an idempotency key, by the hash of key and caller. `body` is NULL when it is not kept.
CREATE TABLE answer (
  key BLOB PRIMARY KEY,
  request BLOB NOT NULL,
  status INTEGER NOT NULL,
  body BLOB,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_at ON answer (at);
