-- Under the lock that opening takes: a command still under way either has made the account before this looks, or comes
-- after it and is past its last moment by the time anybody believes that the account is gone.
DECLARE
    account name;
    id oid;
BEGIN
    PERFORM pg_advisory_xact_lock({key});
    SELECT r.oid, r.rolname INTO id, account FROM pg_roles r WHERE {ours} ORDER BY r.rolname <> {name} LIMIT 1;
    IF id IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = id AND a.pid <> pg_backend_pid()) THEN
        RAISE EXCEPTION 'a session of the account runs' USING ERRCODE = '{sessions_run}';
    END IF;
    EXECUTE format('DROP ROLE %I', account);
END
