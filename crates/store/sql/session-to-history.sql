-- Copies an ended session into the history; session-delete follows.
INSERT INTO session_history SELECT * FROM session WHERE id = ?1
