-- Starts a lockdown; the reason of one that holds already is replaced.
INSERT INTO lockdown (lockdown, reason, made_by, since) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (lockdown) DO UPDATE SET reason = excluded.reason, made_by = excluded.made_by, since = excluded.since
