-- The sealed secret of a user record.
SELECT user, sealed, set_at, set_by, resource, destination FROM sealed_secret WHERE user = ?1
