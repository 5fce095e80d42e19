-- Targets that were written off, for ever, and what is written off on a target.
CREATE TABLE write_off (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  target TEXT NOT NULL,
  made_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  returned INTEGER
) STRICT;

CREATE INDEX change_written_off ON change (target, id) WHERE state = 'written_off';
