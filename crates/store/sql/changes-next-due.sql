-- When the next change is tried again, but for those of some targets (a JSON array).
SELECT next_try FROM change INDEXED BY change_due
WHERE state = 'withdrawing' AND next_try IS NOT NULL AND target NOT IN (SELECT value FROM json_each(?1))
ORDER BY next_try, id LIMIT 1
