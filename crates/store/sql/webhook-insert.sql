-- Makes a receiver of events, unless there is one of that name.
INSERT INTO webhook (name, url, kinds, private, salt, next, made_by, made)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (name) DO NOTHING
