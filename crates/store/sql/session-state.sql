-- The state of a session that is not ended.
SELECT state FROM session WHERE id = ?1
