-- Nobody wants to hear of an account for a time.
UPDATE orphan SET ignored_by = ?3, ignored_reason = ?4, ignored_until = ?5 WHERE target = ?1 AND account = ?2
