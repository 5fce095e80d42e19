-- Forgets one account.
DELETE FROM orphan WHERE target = ?1 AND account = ?2
