-- Adds the membership unless it is there. The rows are read under the lock that the statement before has taken; who stands
-- as the grantor decides later whether it is ours to take away. Up to 15 there is one row for each role and member.
DECLARE
    granted name := (SELECT rolname FROM pg_roles WHERE oid = {role});
    lifted name := (SELECT rolname FROM pg_roles WHERE oid = {member});
    grantor name := (SELECT rolname FROM pg_roles WHERE oid = {grantor});
    per_grantor boolean := current_setting('server_version_num')::int >= 160000;
BEGIN
    IF granted IS NULL OR lifted IS NULL OR grantor IS NULL THEN
        RAISE EXCEPTION 'a role is gone' USING ERRCODE = 'undefined_object';
    END IF;
    IF EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = {role} AND m.member = {member}
        AND (NOT per_grantor OR m.grantor = {grantor}))
    THEN
        PERFORM set_config({result}, 'found', true);
    ELSE
        EXECUTE format('GRANT %I TO %I', granted, lifted)
            || CASE WHEN per_grantor THEN format(' GRANTED BY %I', grantor) ELSE '' END;
        PERFORM set_config({result}, 'added', true);
    END IF;
END
