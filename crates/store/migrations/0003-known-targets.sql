-- Which target answered at which endpoint until now, so that another server there is noticed before anything is opened.
CREATE TABLE known_target (
  endpoint TEXT PRIMARY KEY,
  target TEXT NOT NULL
) STRICT, WITHOUT ROWID;
