-- Adds a change.
INSERT INTO change (id, session, provider, kind, target, place, credential, account, group_name, payload_kind, payload_version,
  payload, state, since, depends_on, last_moment, confirmed, native_id, prior, held_since, exclusive, end_other_sessions,
  next_try, tries, failure, can_log_in)
VALUES (:id, :session, :provider, :kind, :target, :place, :credential, :account, :group_name, :payload_kind, :payload_version,
  :payload, :state, :since, :depends_on, :last_moment, :confirmed, :native_id, :prior, :held_since, :exclusive, :end_other_sessions,
  :next_try, :tries, :failure, :can_log_in)
