-- The target at an endpoint.
SELECT target FROM known_target WHERE endpoint = ?1
