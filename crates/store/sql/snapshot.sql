-- Writes what is committed at this moment, as a whole, to an empty file; other connections go on reading and writing.
VACUUM INTO ?1
