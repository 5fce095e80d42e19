-- Notes the next entry that a sink is to get.
INSERT INTO sink_cursor (sink, next) VALUES (?1, ?2)
ON CONFLICT (sink) DO UPDATE SET next = excluded.next
