-- Ends a change; nothing tries it again by itself.
UPDATE change SET state = ?2, since = ?3, next_try = NULL WHERE id = ?1
