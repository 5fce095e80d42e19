-- Sessions of an account by its identity, since its name is gone once it is dropped.
SELECT a.pid, {start}, host(a.client_addr), {scope}, coalesce(r.rolsuper, false),
    me.rolsuper OR pg_has_role(me.oid, 'pg_signal_backend', 'USAGE')
        OR r.oid IS NOT NULL AND pg_has_role(me.oid, r.oid, 'USAGE'),
    {known},
    a.usesysid
FROM pg_stat_activity a
    JOIN pg_roles me ON me.rolname = current_user
    LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE {of} AND a.pid <> pg_backend_pid();
