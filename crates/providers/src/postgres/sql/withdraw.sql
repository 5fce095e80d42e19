-- Takes away only the row that our grantor stands in; what others granted stays, and so does what was there before.
DECLARE
    granted name := (SELECT rolname FROM pg_roles WHERE oid = {role});
    lifted name := (SELECT rolname FROM pg_roles WHERE oid = {member});
    grantor name := (SELECT rolname FROM pg_roles WHERE oid = {grantor});
    per_grantor boolean := current_setting('server_version_num')::int >= 160000;
BEGIN
    PERFORM pg_advisory_xact_lock({key});
    IF EXISTS (SELECT FROM pg_auth_members m
        WHERE m.roleid = {role} AND m.member = {member} AND m.grantor = {grantor})
    THEN
        EXECUTE format('REVOKE %I FROM %I', granted, lifted)
            || CASE WHEN per_grantor THEN format(' GRANTED BY %I', grantor) ELSE '' END;
    END IF;
END
