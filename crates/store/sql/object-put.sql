-- Makes an object, or replaces it as a whole.
INSERT INTO object (kind, name, json) VALUES (?1, ?2, ?3)
ON CONFLICT (kind, name) DO UPDATE SET json = excluded.json
