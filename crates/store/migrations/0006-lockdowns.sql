-- Lockdowns that hold, by whom they concern: `all`, `person:NAME` or `record:NAME`.
CREATE TABLE lockdown (
  lockdown TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  made_by TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
