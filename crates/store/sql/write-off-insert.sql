-- Notes that a target was written off.
INSERT INTO write_off (target, made_by, reason, at) VALUES (?1, ?2, ?3, ?4)
