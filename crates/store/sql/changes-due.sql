-- Changes to try again by now, earliest first, but for those of some targets (a JSON array).
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change INDEXED BY change_due
WHERE state = 'withdrawing' AND next_try IS NOT NULL AND next_try <= ?1
  AND target NOT IN (SELECT value FROM json_each(?3))
ORDER BY next_try, id LIMIT ?2
