-- Changes of one target that are written off.
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change
WHERE target = ?1 AND state = 'written_off'
ORDER BY id LIMIT ?2
