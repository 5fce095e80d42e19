-- Keeps the sealed secret of a user record in place of the one before.
INSERT INTO sealed_secret (user, sealed, set_at, set_by, resource, destination) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (user) DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at, set_by = excluded.set_by,
  resource = excluded.resource, destination = excluded.destination
