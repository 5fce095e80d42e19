-- How many rows each table has, for whoever has to understand an installation from afar. The trail, which only grows, keeps count
-- itself.
SELECT 'answer', count(*) FROM answer
UNION ALL SELECT 'api_token', count(*) FROM api_token
UNION ALL SELECT 'change', count(*) FROM change
UNION ALL SELECT 'change_history', count(*) FROM change_history
UNION ALL SELECT 'checkpoint', count(*) FROM checkpoint
UNION ALL SELECT 'connect_secret', count(*) FROM connect_secret
UNION ALL SELECT 'hold', count(*) FROM hold
UNION ALL SELECT 'installation', count(*) FROM installation
UNION ALL SELECT 'installation_claim', count(*) FROM installation_claim
UNION ALL SELECT 'key_rotation', count(*) FROM key_rotation
UNION ALL SELECT 'known_target', count(*) FROM known_target
UNION ALL SELECT 'lockdown', count(*) FROM lockdown
UNION ALL SELECT 'object', count(*) FROM object
UNION ALL SELECT 'object_revision', count(*) FROM object_revision
UNION ALL SELECT 'orphan', count(*) FROM orphan
UNION ALL SELECT 'orphan_scan', count(*) FROM orphan_scan
UNION ALL SELECT 'person_token', count(*) FROM person_token
UNION ALL SELECT 'sealed_secret', count(*) FROM sealed_secret
UNION ALL SELECT 'session', count(*) FROM session
UNION ALL SELECT 'session_history', count(*) FROM session_history
UNION ALL SELECT 'sink_cursor', count(*) FROM sink_cursor
UNION ALL SELECT 'trail', coalesce((SELECT size FROM trail_tree WHERE one = 1), 0)
UNION ALL SELECT 'trail_tree', count(*) FROM trail_tree
UNION ALL SELECT 'webhook', count(*) FROM webhook
UNION ALL SELECT 'webhook_delivery', count(*) FROM webhook_delivery
UNION ALL SELECT 'write_off', count(*) FROM write_off
