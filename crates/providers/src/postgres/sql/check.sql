-- Everything that a check of a record asks of the maintenance database, one result set for each subject.
SELECT {now},
    coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false),
    current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
        - (SELECT count(*) FROM pg_stat_activity a WHERE a.datname IS NOT NULL),
    current_setting('password_encryption'),
    current_setting('log_statement'),
    EXISTS (SELECT FROM pg_roles marker WHERE marker.rolname = {marker}),
    coalesce(host(inet_client_addr()), '');
SELECT me.rolsuper, me.rolcreaterole,
    me.rolsuper OR pg_has_role(me.oid, 'pg_signal_backend', 'USAGE'),
    me.rolsuper OR pg_has_role(me.oid, 'pg_read_all_stats', 'USAGE'),
    me.rolbypassrls, me.rolreplication, me.rolcreatedb
FROM pg_roles me WHERE me.rolname = current_user;
SELECT g.rolname
FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles me ON me.oid = m.member
WHERE me.rolname = current_user AND g.rolname IN ('pg_read_server_files', 'pg_write_server_files',
    'pg_execute_server_program', 'pg_read_all_data', 'pg_write_all_data', 'pg_monitor', 'pg_read_all_settings',
    'pg_database_owner', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription', 'pg_use_reserved_connections')
GROUP BY g.rolname ORDER BY 1;
SELECT r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls,
    (SELECT string_agg(DISTINCT quote_ident(g.rolname), ', ')
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid),
    me.rolsuper OR pg_has_role(me.oid, r.oid, 'USAGE')
FROM pg_roles r JOIN pg_roles me ON me.rolname = current_user WHERE r.rolname = {grave};
SELECT r.rolsuper,
    EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.member
        WHERE m.roleid = r.oid AND m.admin_option
            AND (g.rolname = current_user OR pg_has_role(current_user, g.oid, 'USAGE')))
FROM pg_roles r WHERE r.rolname = {elevated};
SELECT d.datname FROM pg_database d
WHERE d.datallowconn AND NOT has_database_privilege(current_user, d.oid, 'CONNECT') ORDER BY 1;
SELECT wanted.name, coalesce(d.datallowconn, false)
FROM (SELECT {database} AS name) wanted LEFT JOIN pg_database d ON d.datname = wanted.name WHERE wanted.name <> '';
