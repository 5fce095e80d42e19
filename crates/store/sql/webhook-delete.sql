-- Deletes a receiver of events and what waits for it.
DELETE FROM webhook WHERE name = ?1
