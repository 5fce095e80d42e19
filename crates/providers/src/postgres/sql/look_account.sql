-- An account of ours, by the identity known or by its name and mark, its sessions, and what it leaves.
SELECT pg_advisory_xact_lock_shared({key});
SELECT {now}, r.oid, r.rolname = {name}, r.rolcanlogin,
    shobj_description(r.oid, 'pg_authid') IS NOT DISTINCT FROM {mark},
    EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
            AND s.classid <> 'pg_auth_members'::regclass)
        OR EXISTS (SELECT FROM pg_auth_members m WHERE m.grantor = r.oid)
        OR EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.owner = r.rolname)
FROM (VALUES (true)) one LEFT JOIN pg_roles r ON {candidates};
SELECT count(*) FROM pg_stat_activity a
WHERE {sessions} AND {scope} AND a.pid <> pg_backend_pid();
