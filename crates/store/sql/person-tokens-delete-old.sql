-- Drops the tokens of people that have expired, and those of one person but the newest.
DELETE FROM person_token WHERE expires <= ?1 OR person = ?2 AND id NOT IN (
  SELECT id FROM person_token WHERE person = ?2 AND expires > ?1 ORDER BY issued DESC, id LIMIT ?3
)
