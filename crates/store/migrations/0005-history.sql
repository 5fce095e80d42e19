-- What was, found by whose it was and what it opened; and the entries of the trail that concern a session. The trail's index is
-- over its own bytes, so that it cannot say anything else than they do.
CREATE INDEX session_history_account ON session_history (account, made);
CREATE INDEX session_history_person ON session_history (person, made);
CREATE INDEX session_history_record ON session_history (record, made);
CREATE INDEX trail_session ON trail (CAST(bytes AS TEXT) ->> '$.session', sequence)
  WHERE CAST(bytes AS TEXT) ->> '$.session' IS NOT NULL;
