-- Accounts of ours whose identities are known, all at once: each by that and by its name, and what it leaves; and the sessions
-- that run as one of them.
SELECT pg_advisory_xact_lock_shared(every.key) FROM (VALUES {keys}) every(key);
SELECT {now}, r.oid, r.rolname = step.name, r.rolcanlogin,
    shobj_description(r.oid, 'pg_authid') IS NOT DISTINCT FROM step.mark,
    EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
            AND s.classid <> 'pg_auth_members'::regclass)
        OR EXISTS (SELECT FROM pg_auth_members m WHERE m.grantor = r.oid)
        OR EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.owner = r.rolname),
    step.number
FROM (VALUES {steps}) step(number, oid, name, mark)
    LEFT JOIN LATERAL (
        SELECT found.oid, found.rolname, found.rolcanlogin FROM pg_roles found WHERE found.oid = step.oid
        UNION
        SELECT found.oid, found.rolname, found.rolcanlogin FROM pg_roles found WHERE found.rolname = step.name
    ) r ON true
ORDER BY step.number;
SELECT a.usesysid, count(*) FROM pg_stat_activity a
WHERE a.usesysid IN ({oids}) AND a.pid <> pg_backend_pid() GROUP BY a.usesysid;
