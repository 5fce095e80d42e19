-- How often and how long each person had each record, from the sessions that are over and overlap a span, pair by pair after one.
-- What could not be launched was no use.
SELECT person, record, count(*) AS sessions, min(opened_at) AS first, max(opened_at) AS last,
    sum(max(min(since, ?5) - max(opened_at, ?4), 0)) AS used
FROM session_history
WHERE (person, record) > (?1, ?2) AND (?3 IS NULL OR person = ?3) AND (?6 IS NULL OR record = ?6)
  AND opened_at <= ?5 AND since >= ?4 AND coalesce(end_reason, '') NOT IN ('failed', 'abandoned')
GROUP BY person, record ORDER BY person, record LIMIT ?7
