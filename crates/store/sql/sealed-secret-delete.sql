-- Deletes the sealed secret of a user record that goes.
DELETE FROM sealed_secret WHERE user = ?1
