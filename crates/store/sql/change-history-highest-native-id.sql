-- The highest number between ?2 and ?3 among the native ids of the accounts on the target ?1.
SELECT CAST(native_id AS INTEGER) FROM change_history
WHERE kind = 'account' AND target = ?1 AND CAST(native_id AS INTEGER) BETWEEN ?2 AND ?3
ORDER BY CAST(native_id AS INTEGER) DESC LIMIT 1
