-- The answer under a key, if it was given after a moment.
SELECT key, request, status, body, at FROM answer WHERE key = ?1 AND at > ?2
