-- Whether there is, or was, a session of that id: 1 or 0.
SELECT EXISTS (SELECT 1 FROM session WHERE id = ?1) OR EXISTS (SELECT 1 FROM session_history WHERE id = ?1)
