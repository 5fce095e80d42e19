-- Which copy of the store this is: the epoch counts how often it was said which one lives on, the place is where that one is served.
-- `program` is the version of the program that last brought the schema up to date, for whoever finds it too new.
ALTER TABLE installation ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1;
ALTER TABLE installation ADD COLUMN place TEXT;
ALTER TABLE installation ADD COLUMN program TEXT;
