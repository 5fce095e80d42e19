-- Drops the connect secrets of a person for a record that have expired, and all but the newest.
DELETE FROM connect_secret WHERE person = ?1 AND record = ?2 AND id NOT IN (
  SELECT id FROM connect_secret WHERE person = ?1 AND record = ?2 AND expires > ?3 ORDER BY issued DESC, id LIMIT ?4
)
