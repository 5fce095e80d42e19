-- Keeps the target at an endpoint in place of the one before.
INSERT INTO known_target (endpoint, target) VALUES (?1, ?2)
ON CONFLICT (endpoint) DO UPDATE SET target = excluded.target
