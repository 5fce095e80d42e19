-- The same from the sessions that are not over, until the end of the span.
SELECT person, record, count(*) AS sessions, min(opened_at) AS first, max(opened_at) AS last,
    sum(max(?5 - max(opened_at, ?4), 0)) AS used
FROM session
WHERE (person, record) > (?1, ?2) AND (?3 IS NULL OR person = ?3) AND (?6 IS NULL OR record = ?6)
  AND opened_at <= ?5 AND state <> 'launching' AND coalesce(end_reason, '') NOT IN ('failed', 'abandoned')
GROUP BY person, record ORDER BY person, record LIMIT ?7
