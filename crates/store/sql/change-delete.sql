-- Removes a change that the history has taken over.
DELETE FROM change WHERE id = ?1
