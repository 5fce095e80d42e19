-- Not under the lock of the change: whoever holds that lock on the server must not be able to keep the account open.
DECLARE
    account name := (SELECT r.rolname FROM pg_roles r WHERE {ours} ORDER BY r.rolname <> {name} LIMIT 1);
BEGIN
    IF account IS NOT NULL THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN', account);
    END IF;
END
