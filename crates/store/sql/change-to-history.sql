-- Copies a change that is gone or released into the history; change-delete follows.
INSERT INTO change_history SELECT * FROM change WHERE id = ?1
