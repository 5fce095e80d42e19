-- Replaces the compact range of the trail's tree.
UPDATE trail_tree SET size = ?1, peaks = ?2 WHERE one = 1
