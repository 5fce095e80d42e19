-- Every change that may still be on its target, the youngest first.
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change
WHERE state IN ('intended', 'present', 'withdrawing', 'written_off')
ORDER BY made DESC
