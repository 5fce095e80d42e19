-- Every sealed secret, in the order of the user records' names.
SELECT user, sealed, set_at, set_by, resource, destination FROM sealed_secret ORDER BY user
