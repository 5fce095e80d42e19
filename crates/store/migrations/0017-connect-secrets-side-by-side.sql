-- Several connect secrets of one person for one record, which the primary key of before forbade.
CREATE TABLE connect_secrets (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL,
  record TEXT NOT NULL,
  issued INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  verifier TEXT NOT NULL,
  used INTEGER NOT NULL,
  last_used INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO connect_secrets (id, person, record, issued, expires, verifier, used, last_used)
SELECT id, person, record, issued, expires, verifier, used, last_used FROM connect_secret;

DROP TABLE connect_secret;
ALTER TABLE connect_secrets RENAME TO connect_secret;

CREATE INDEX connect_secret_pair ON connect_secret (person, record, issued);
CREATE INDEX connect_secret_record ON connect_secret (record);
CREATE INDEX connect_secret_expires ON connect_secret (expires);
