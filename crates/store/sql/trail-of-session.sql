-- Entries of the trail that concern a session.
SELECT sequence, bytes FROM trail WHERE CAST(bytes AS TEXT) ->> '$.session' = ?1 ORDER BY sequence LIMIT ?2
