-- Sessions that are not ended and belong to another run, in the order of their ids, after an id.
SELECT made, id, run, person, record, target, account, state, opened_at, deadline, since, end_reason FROM session WHERE run <> ?1 AND id > ?2 ORDER BY id LIMIT ?3
