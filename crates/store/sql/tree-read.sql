-- The compact range of the trail's tree.
SELECT size, peaks FROM trail_tree WHERE one = 1
