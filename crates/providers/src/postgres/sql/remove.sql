-- Under the locks that opening takes: a command still under way either has made the account before this looks, or comes
-- after it and is past its last moment by the time anybody believes that the account is gone.
DECLARE
    accounts text;
    ids oid[];
BEGIN
    PERFORM pg_advisory_xact_lock(every.key) FROM (VALUES {keys}) every(key);
    SELECT array_agg(every.oid), string_agg(format('%I', every.rolname), ', ') INTO ids, accounts
    FROM ({ours}) every(oid, rolname);
    IF accounts IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = ANY (ids) AND a.pid <> pg_backend_pid()) THEN
        RAISE EXCEPTION 'a session of the account runs' USING ERRCODE = '{sessions_run}';
    END IF;
    EXECUTE 'DROP ROLE ' || accounts;
END
