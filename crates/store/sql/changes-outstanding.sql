-- Changes that need somebody's eye, in the order of their ids, after an id.
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change
WHERE state IN ('withdrawing', 'kept', 'written_off') AND id > ?1
ORDER BY id LIMIT ?2
