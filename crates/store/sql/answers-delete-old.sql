-- Drops answers that were given up to a moment.
DELETE FROM answer WHERE at <= ?1
