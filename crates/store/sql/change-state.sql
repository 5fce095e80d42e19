-- The state of a change that is not history.
SELECT state FROM change WHERE id = ?1
