-- Removes a session that the history has taken over.
DELETE FROM session WHERE id = ?1
