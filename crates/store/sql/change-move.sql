-- Moves a change. The state that it is in was checked before, in the same transaction.
UPDATE change SET state = ?2, since = ?3, next_try = ?4, tries = 0, failure = NULL WHERE id = ?1
