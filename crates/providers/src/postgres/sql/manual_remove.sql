-- Removes the account, and sees that it is gone. Roles that it granted are taken back first, since 16 keeps its name as grantor.
DECLARE
    account name;
    id oid;
    granted record;
BEGIN
    -- The lock that a creation still under way would hold.
    PERFORM pg_advisory_xact_lock({key});
    SELECT r.oid, r.rolname INTO id, account FROM pg_roles r WHERE {ours} ORDER BY r.rolname <> {name} LIMIT 1;
    IF id IS NULL THEN
        RAISE NOTICE 'the account is gone';
        RETURN;
    END IF;
    IF {stays} AND EXISTS (SELECT FROM pg_shdepend s
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = id AND s.deptype = 'o')
    THEN
        RAISE NOTICE 'the account stays, closed to log-in, because it owns objects and the record says so';
        RETURN;
    END IF;
    IF current_setting('server_version_num')::int >= 160000 THEN
        FOR granted IN SELECT g.rolname AS role, m.rolname AS member
            FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
            WHERE a.grantor = id
        LOOP
            EXECUTE format('REVOKE %I FROM %I GRANTED BY %I CASCADE', granted.role, granted.member, account);
        END LOOP;
    END IF;
    EXECUTE format('DROP ROLE %I', account);
    RAISE NOTICE 'the account is gone';
END
