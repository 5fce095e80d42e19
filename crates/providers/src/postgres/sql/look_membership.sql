-- A membership, who granted it, and the sessions in the scope asked for.
SELECT pg_advisory_xact_lock_shared({key});
SELECT {now}, r.oid, r.rolcanlogin,
    EXISTS (SELECT FROM pg_auth_members m WHERE m.member = {member} AND m.roleid = {role} AND m.grantor = {grantor}),
    EXISTS (SELECT FROM pg_auth_members m WHERE m.member = {member} AND m.roleid = {role})
FROM (VALUES (true)) one LEFT JOIN pg_roles r ON r.oid = {member};
SELECT count(*) FROM pg_stat_activity a
WHERE a.usesysid = {member} AND {scope} AND a.pid <> pg_backend_pid();
