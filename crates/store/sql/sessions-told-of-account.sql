-- Sessions of an account, the newest first, before a place; those that are over where ?6 says so.
SELECT made, id, run, person, record, target, account, state, opened_at, deadline, since, end_reason FROM session
WHERE made < ?1 AND account = ?2
  AND (?3 IS NULL OR person = ?3) AND (?4 IS NULL OR record = ?4) AND opened_at <= ?5
UNION ALL
SELECT made, id, run, person, record, target, account, state, opened_at, deadline, since, end_reason FROM session_history
WHERE made < ?1 AND account = ?2
  AND (?3 IS NULL OR person = ?3) AND (?4 IS NULL OR record = ?4) AND opened_at <= ?5 AND ?6 AND since >= ?7
ORDER BY made DESC LIMIT ?8
