-- Takes a hold away, if it is there.
DELETE FROM hold WHERE change = ?1 AND session = ?2
