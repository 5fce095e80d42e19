-- Entries of the trail from a number on.
SELECT sequence, bytes FROM trail WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2
