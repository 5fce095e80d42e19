-- The largest size under a checkpoint; NULL when there is none.
SELECT max(size) FROM checkpoint
