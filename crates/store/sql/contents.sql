-- What is in a store, for whoever makes or restores a backup of it: entries of the trail, sessions that are not over, changes that are
-- not withdrawn.
SELECT
  (SELECT size FROM trail_tree WHERE one = 1),
  (SELECT count(*) FROM session WHERE state <> 'ended'),
  (SELECT count(*) FROM change WHERE state IN ('intended', 'present', 'withdrawing'))
