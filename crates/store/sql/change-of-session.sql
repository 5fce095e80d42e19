-- The changes that belong to a session, in the order of their making: memberships that it holds, and others made for it.
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change WHERE session = ?1 AND kind <> 'membership'
UNION ALL
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change_history WHERE session = ?1 AND kind <> 'membership'
UNION ALL
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change
  WHERE kind = 'membership' AND id IN (SELECT hold.change FROM hold WHERE hold.session = ?1)
UNION ALL
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change_history
  WHERE kind = 'membership' AND id IN (SELECT hold.change FROM hold WHERE hold.session = ?1)
ORDER BY made
