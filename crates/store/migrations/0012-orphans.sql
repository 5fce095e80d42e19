-- Accounts that searches of targets found and for which nothing in the ledger spoke.
CREATE TABLE orphan (
  target TEXT NOT NULL,
  account TEXT NOT NULL,
  record TEXT NOT NULL,
  native_id TEXT NOT NULL,
  mark TEXT,
  deadline INTEGER,
  made INTEGER,
  last_log_in INTEGER,
  can_log_in INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  ignored_by TEXT,
  ignored_reason TEXT,
  ignored_until INTEGER,
  PRIMARY KEY (target, account)
) STRICT, WITHOUT ROWID;

-- How the last search of each record's target went.
CREATE TABLE orphan_scan (
  record TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  target TEXT,
  failure TEXT
) STRICT, WITHOUT ROWID;

-- Installations whose leavings are ours to remove.
CREATE TABLE installation_claim (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  installation TEXT NOT NULL UNIQUE,
  made_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE INDEX change_account ON change (target, account) WHERE kind = 'account';
