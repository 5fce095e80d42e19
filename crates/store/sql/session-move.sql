-- Moves a session. The state that it is in was checked before, in the same transaction.
UPDATE session SET state = ?2, since = ?3, end_reason = COALESCE(?4, end_reason) WHERE id = ?1
