-- Says which version of the program brought the schema up to date.
UPDATE installation SET program = ?1 WHERE one = 1
