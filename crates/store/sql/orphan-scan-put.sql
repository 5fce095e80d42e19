-- Notes how a search of a record's target went.
INSERT INTO orphan_scan (record, at, target, failure) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (record) DO UPDATE SET at = excluded.at, target = excluded.target, failure = excluded.failure
