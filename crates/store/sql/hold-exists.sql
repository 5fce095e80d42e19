-- Whether a session holds a membership: 1 or 0.
SELECT EXISTS (SELECT 1 FROM hold WHERE change = ?1 AND session = ?2)
