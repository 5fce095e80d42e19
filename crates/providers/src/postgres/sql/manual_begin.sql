-- Closes the account to log-ins, if this is the server and the role is the one that was made.
DECLARE
    account name;
BEGIN
    IF 'postgresql:' || (SELECT system_identifier FROM pg_catalog.pg_control_system()) <> {target} THEN
        RAISE EXCEPTION 'this is another server than the one on which the change was made';
    END IF;
    SELECT r.rolname INTO account FROM pg_roles r WHERE {ours} ORDER BY r.rolname <> {name} LIMIT 1;
    IF account IS NOT NULL THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN', account);
    END IF;
END
