-- The connect secrets of a person for a record, the newest first.
SELECT id, person, record, issued, expires, verifier, native, used, last_used FROM connect_secret
WHERE person = ?1 AND record = ?2
ORDER BY issued DESC, id
