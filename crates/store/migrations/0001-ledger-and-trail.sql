-- The ledger (sessions, changes, holds, and the history of the first two), the trail and its checkpoints.

-- What is true of the whole store: one row.
CREATE TABLE installation (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  probed_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Sessions that are not ended. `made` is the order of their making and is never given twice.
CREATE TABLE session (
  made INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  run TEXT NOT NULL,
  person TEXT NOT NULL,
  record TEXT NOT NULL,
  target TEXT NOT NULL,
  account TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('launching', 'live', 'ending', 'ended')),
  opened_at INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  since INTEGER NOT NULL,
  end_reason TEXT
) STRICT;

CREATE INDEX session_ending ON session (id) WHERE state = 'ending';

-- Sessions that are ended; columns and `made` as they were.
CREATE TABLE session_history (
  made INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  run TEXT NOT NULL,
  person TEXT NOT NULL,
  record TEXT NOT NULL,
  target TEXT NOT NULL,
  account TEXT NOT NULL,
  state TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  since INTEGER NOT NULL,
  end_reason TEXT
) STRICT;

-- Changes that are not seen to be gone: at work, or kept or written off, which still needs somebody's eye.
CREATE TABLE change (
  made INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  session TEXT NOT NULL,
  provider TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  place TEXT NOT NULL,
  credential TEXT NOT NULL,
  account TEXT NOT NULL,
  group_name TEXT,
  payload_kind TEXT NOT NULL,
  payload_version INTEGER NOT NULL,
  payload BLOB NOT NULL,
  state TEXT NOT NULL,
  since INTEGER NOT NULL,
  depends_on TEXT NOT NULL,
  last_moment INTEGER NOT NULL,
  confirmed INTEGER NOT NULL,
  native_id TEXT,
  prior INTEGER NOT NULL,
  held_since INTEGER NOT NULL,
  exclusive INTEGER NOT NULL,
  end_other_sessions INTEGER NOT NULL,
  next_try INTEGER,
  tries INTEGER NOT NULL,
  failure TEXT,
  can_log_in INTEGER
) STRICT;

-- One unfinished membership of an account in a group, so that its holds can be counted.
CREATE UNIQUE INDEX change_membership ON change (target, account, group_name)
  WHERE kind = 'membership' AND state IN ('intended', 'present', 'withdrawing');
CREATE INDEX change_due ON change (next_try, id) WHERE state = 'withdrawing' AND next_try IS NOT NULL;
CREATE INDEX change_owed ON change (target, next_try, id) WHERE state = 'withdrawing';
CREATE INDEX change_outstanding ON change (id) WHERE state IN ('withdrawing', 'kept', 'written_off');
CREATE INDEX change_session ON change (session);
CREATE INDEX change_credential ON change (credential);

-- Changes that are gone or were released; columns and `made` as they were.
CREATE TABLE change_history (
  made INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  session TEXT NOT NULL,
  provider TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  place TEXT NOT NULL,
  credential TEXT NOT NULL,
  account TEXT NOT NULL,
  group_name TEXT,
  payload_kind TEXT NOT NULL,
  payload_version INTEGER NOT NULL,
  payload BLOB NOT NULL,
  state TEXT NOT NULL,
  since INTEGER NOT NULL,
  depends_on TEXT NOT NULL,
  last_moment INTEGER NOT NULL,
  confirmed INTEGER NOT NULL,
  native_id TEXT,
  prior INTEGER NOT NULL,
  held_since INTEGER NOT NULL,
  exclusive INTEGER NOT NULL,
  end_other_sessions INTEGER NOT NULL,
  next_try INTEGER,
  tries INTEGER NOT NULL,
  failure TEXT,
  can_log_in INTEGER
) STRICT;

CREATE INDEX change_history_session ON change_history (session);

-- Who holds which membership, whether the change is at work or history.
CREATE TABLE hold (
  change TEXT NOT NULL,
  session TEXT NOT NULL,
  PRIMARY KEY (change, session)
) STRICT, WITHOUT ROWID;

CREATE INDEX hold_session ON hold (session);

-- The trail, as docs/audit-format.md says. The hash stands before the bytes, so that reading hashes alone skips long entries.
CREATE TABLE trail (
  sequence INTEGER PRIMARY KEY,
  leaf BLOB NOT NULL CHECK (length(leaf) = 32),
  bytes BLOB NOT NULL
) STRICT;

-- The compact range of the trail's Merkle tree: one row, written with every batch.
CREATE TABLE trail_tree (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  size INTEGER NOT NULL,
  peaks BLOB NOT NULL
) STRICT;

INSERT INTO trail_tree (one, size, peaks) VALUES (1, 0, x'');

-- Signed checkpoints, the same as in the directory outside.
CREATE TABLE checkpoint (
  id INTEGER PRIMARY KEY,
  size INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT;

CREATE INDEX checkpoint_size ON checkpoint (size);
