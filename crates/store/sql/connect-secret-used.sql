-- Counts a use, if the secret is still there.
UPDATE connect_secret SET used = used + 1, last_used = ?2 WHERE id = ?1
