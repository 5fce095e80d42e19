-- Says which epoch this copy is of and where it is served.
UPDATE installation SET epoch = ?1, place = ?2 WHERE one = 1
