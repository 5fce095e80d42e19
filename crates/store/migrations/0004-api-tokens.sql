-- Tokens of the API, of which only hashes are kept. `scopes` are words with blanks between.
CREATE TABLE api_token (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  issued INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
