-- Every target that was ever written off, the newest first.
SELECT target, made_by, reason, at, returned FROM write_off ORDER BY id DESC
