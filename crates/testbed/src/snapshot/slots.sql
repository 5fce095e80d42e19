-- Replication slots, which hold back the log for ever.
SELECT json_build_object('name', slot_name, 'plugin', plugin, 'type', slot_type, 'database', database)::text
  FROM pg_replication_slots
