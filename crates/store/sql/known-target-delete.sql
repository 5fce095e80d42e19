-- Forgets the target at an endpoint.
DELETE FROM known_target WHERE endpoint = ?1
