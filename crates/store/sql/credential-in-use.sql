-- The unfinished changes whose place refers to a user record.
SELECT id FROM change
WHERE credential = ?1 AND state IN ('intended', 'present', 'withdrawing')
ORDER BY id LIMIT ?2
