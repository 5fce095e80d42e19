-- Adds a session.
INSERT INTO session (id, run, person, record, target, account, state, opened_at, deadline, since, end_reason)
VALUES (:id, :run, :person, :record, :target, :account, :state, :opened_at, :deadline, :since, :end_reason)
