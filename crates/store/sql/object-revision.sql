-- The revision of the set of objects.
SELECT revision FROM object_revision WHERE one = 1
