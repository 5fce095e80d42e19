-- The target at every endpoint.
SELECT endpoint, target FROM known_target ORDER BY endpoint
