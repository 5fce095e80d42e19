-- Sessions that are not ended, in the order of their ids, after an id.
SELECT made, id, run, person, record, target, account, state, opened_at, deadline, since, end_reason FROM session WHERE id > ?1 ORDER BY id LIMIT ?2
