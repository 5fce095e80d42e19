-- Hands over what the account owns in this database; nothing that it wrote is run on the way.
DECLARE
    account name;
    id oid;
BEGIN
    SELECT r.oid, r.rolname INTO id, account FROM pg_roles r WHERE {ours} ORDER BY r.rolname <> {name} LIMIT 1;
    IF id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('session_replication_role', 'replica', true);
    IF current_setting('server_version_num')::int >= 170000 THEN
        PERFORM set_config('event_triggers', 'off', true);
    END IF;
    IF {drops} THEN
        BEGIN
            EXECUTE format('DROP OWNED BY %I', account);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE NOTICE 'others depend on what the account owns: it goes to the graveyard';
        END;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles g WHERE g.rolname = {grave}) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', {grave});
    END IF;
    {quarantine}
    EXECUTE format('REASSIGN OWNED BY %I TO %I', account, {grave});
    EXECUTE format('DROP OWNED BY %I', account);
END
