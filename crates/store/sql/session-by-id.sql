-- A session, ended or not.
SELECT made, id, run, person, record, target, account, state, opened_at, deadline, since, end_reason FROM session WHERE id = ?1
UNION ALL
SELECT made, id, run, person, record, target, account, state, opened_at, deadline, since, end_reason FROM session_history WHERE id = ?1
