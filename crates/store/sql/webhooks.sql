-- Every receiver of events, by name.
SELECT w.name, w.url, w.kinds, w.private, w.salt, w.salt_before, w.next, w.disabled, w.made_by, w.made,
  (SELECT count(*) FROM webhook_delivery d WHERE d.webhook = w.name) AS waiting,
  (SELECT d.failure FROM webhook_delivery d WHERE d.webhook = w.name AND d.failure IS NOT NULL ORDER BY d.sequence LIMIT 1) AS failure
FROM webhook w ORDER BY w.name
