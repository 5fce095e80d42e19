-- The graveyard owns what others left too, so nothing that the account wrote may run with its owner's rights: functions
-- run with their caller's, views read with their reader's (up to 14, where they cannot, nobody else reads them), and rules
-- do nothing any more. Nothing of it is run or evaluated here.
DECLARE
    thing record;
BEGIN
    FOR thing IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.proowner = {oid} AND p.prosecdef
    LOOP
        EXECUTE format('ALTER ROUTINE %s SECURITY INVOKER', thing.name);
    END LOOP;
    FOR thing IN
        SELECT c.oid::regclass AS name, c.relkind AS kind, w.rulename AS rule
        FROM pg_class c JOIN pg_rewrite w ON w.ev_class = c.oid
        WHERE c.relowner = {oid} AND w.ev_type <> '1'
    LOOP
        IF thing.kind = 'v' THEN
            EXECUTE format('DROP RULE %I ON %s', thing.rule, thing.name);
        ELSE
            EXECUTE format('ALTER TABLE %s DISABLE RULE %I', thing.name, thing.rule);
        END IF;
    END LOOP;
    FOR thing IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relowner = {oid} AND c.relkind = 'v'
    LOOP
        IF current_setting('server_version_num')::int >= 150000 THEN
            EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', thing.name);
        ELSE
            EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', thing.name);
        END IF;
    END LOOP;
    IF current_setting('server_version_num')::int < 150000 THEN
        FOR thing IN
            SELECT DISTINCT c.oid::regclass AS name, g.rolname AS grantee
            FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles g ON g.oid = a.grantee
            WHERE c.relowner = {oid} AND c.relkind = 'v' AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %I', thing.name, thing.grantee);
        END LOOP;
    END IF;
END
