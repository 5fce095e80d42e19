-- The unfinished membership of an account in a group. The condition repeats the unique index's, so that it is used.
SELECT made, id, session, provider, kind, target, place, account, group_name, payload_kind, payload_version, payload, state, since,
  depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions, next_try, tries, failure, can_log_in FROM change
WHERE target = ?1 AND account = ?2 AND group_name = ?3
  AND kind = 'membership' AND state IN ('intended', 'present', 'withdrawing')
