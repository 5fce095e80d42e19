-- Appends an entry to the trail.
INSERT INTO trail (sequence, leaf, bytes) VALUES (?1, ?2, ?3)
