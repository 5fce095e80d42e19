-- Keeps a connect secret in place of the one before for the same person and record.
INSERT INTO connect_secret (person, record, id, issued, expires, verifier, used, last_used)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (person, record) DO UPDATE SET id = excluded.id, issued = excluded.issued, expires = excluded.expires,
  verifier = excluded.verifier, used = excluded.used, last_used = excluded.last_used
