-- Changes of one target that are withdrawing; those under way or without a time first, then the earliest.
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change
WHERE target = ?1 AND state = 'withdrawing'
ORDER BY next_try, id LIMIT ?2
