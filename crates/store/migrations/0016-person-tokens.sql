-- Tokens of people who have signed in, of which only hashes are kept.
CREATE TABLE person_token (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL,
  issued INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX person_token_person ON person_token (person, issued);
