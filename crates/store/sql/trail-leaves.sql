-- Every leaf hash, in order.
SELECT sequence, leaf FROM trail ORDER BY sequence
