-- What people applied, sealed secrets, and the verifiers of connect secrets.

-- The revision of the set of objects: one row, raised with every change of it.
CREATE TABLE object_revision (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL
) STRICT;

INSERT INTO object_revision (one, revision) VALUES (1, 0);

-- Objects in their canonical JSON, which holds no secret.
CREATE TABLE object (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- The secrets of user records, as the vault sealed them.
CREATE TABLE sealed_secret (
  user TEXT PRIMARY KEY,
  sealed BLOB NOT NULL,
  set_at INTEGER NOT NULL,
  set_by TEXT NOT NULL
) STRICT;

-- At most one connect secret for each person and record; of the secret itself only the verifier.
CREATE TABLE connect_secret (
  person TEXT NOT NULL,
  record TEXT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  issued INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  verifier TEXT NOT NULL,
  used INTEGER NOT NULL,
  last_used INTEGER,
  PRIMARY KEY (person, record)
) STRICT;

CREATE INDEX connect_secret_record ON connect_secret (record);
CREATE INDEX connect_secret_expires ON connect_secret (expires);
