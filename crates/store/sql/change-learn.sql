-- Notes what was learnt of a change; what is NULL stays as it is.
UPDATE change SET
  confirmed = COALESCE(?2, confirmed),
  native_id = COALESCE(?3, native_id),
  prior = COALESCE(?4, prior),
  last_moment = COALESCE(?5, last_moment),
  can_log_in = COALESCE(?6, can_log_in)
WHERE id = ?1
