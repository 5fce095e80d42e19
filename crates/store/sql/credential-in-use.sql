-- The changes that are not gone and whose place refers to a user record: what was kept or written off may be taken up again.
SELECT id FROM change
WHERE credential = ?1
ORDER BY id LIMIT ?2
