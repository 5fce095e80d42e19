-- Adds a hold.
INSERT INTO hold (change, session) VALUES (?1, ?2)
