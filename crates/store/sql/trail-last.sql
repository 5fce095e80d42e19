-- The last entry.
SELECT leaf, bytes FROM trail ORDER BY sequence DESC LIMIT 1
