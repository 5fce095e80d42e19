-- Accounts that searches found.
SELECT target, account, record, native_id, mark, deadline, made, last_log_in, can_log_in, sessions, first_seen, last_seen,
  ignored_by, ignored_reason, ignored_until FROM orphan ORDER BY target, account
