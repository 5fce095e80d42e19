-- The connect secret of a person for a record.
SELECT id, person, record, issued, expires, verifier, used, last_used FROM connect_secret WHERE person = ?1 AND record = ?2
