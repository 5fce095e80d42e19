-- The next entry that a sink is to get.
SELECT next FROM sink_cursor WHERE sink = ?1
