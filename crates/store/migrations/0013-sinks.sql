-- How far each sink of the trail has been served: the next entry that it is to get.
CREATE TABLE sink_cursor (
  sink TEXT PRIMARY KEY,
  next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
