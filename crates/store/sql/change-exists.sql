-- Whether there is, or was, a change of that id: 1 or 0.
SELECT EXISTS (SELECT 1 FROM change WHERE id = ?1) OR EXISTS (SELECT 1 FROM change_history WHERE id = ?1)
