-- Reports of who used what are read pair by pair, without reading the sessions themselves.
CREATE INDEX session_history_use ON session_history (person, record, opened_at, since, end_reason);
