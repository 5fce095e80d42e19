-- What a launch reads before anything is written down or made.
SELECT {now},
    me.rolsuper OR me.rolcreaterole,
    account.oid,
    account.rolsuper,
    me.rolsuper OR pg_has_role(me.oid, 'pg_read_all_stats', 'USAGE')
        OR account.oid IS NOT NULL AND pg_has_role(me.oid, account.oid, 'USAGE'),
    elevated.oid,
    elevated.rolsuper,
    grave.oid,
    grave.rolcanlogin OR grave.rolsuper OR grave.rolcreaterole OR grave.rolcreatedb OR grave.rolreplication
        OR grave.rolbypassrls,
    me.rolsuper OR grave.oid IS NOT NULL AND pg_has_role(me.oid, grave.oid, 'USAGE'),
    EXISTS (SELECT FROM pg_roles marker WHERE marker.rolname = {marker} AND NOT marker.rolsuper)
FROM pg_roles me
    LEFT JOIN pg_roles account ON account.rolname = {account}
    LEFT JOIN pg_roles elevated ON elevated.rolname = {elevated}
    LEFT JOIN pg_roles grave ON grave.rolname = {grave}
WHERE me.rolname = current_user;
SELECT m.grantor, g.rolname, {inherits}, m.grantor = me.oid
FROM pg_auth_members m
    JOIN pg_roles elevated ON elevated.oid = m.roleid AND elevated.rolname = {elevated}
    JOIN pg_roles account ON account.oid = m.member AND account.rolname = {account}
    JOIN pg_roles me ON me.rolname = current_user
    LEFT JOIN pg_roles g ON g.oid = m.grantor;
SELECT g.oid, g.rolname
FROM pg_auth_members m
    JOIN pg_roles elevated ON elevated.oid = m.roleid AND elevated.rolname = {elevated}
    JOIN pg_roles g ON g.oid = m.member
WHERE m.admin_option AND (g.rolname = current_user OR pg_has_role(current_user, g.oid, 'USAGE'))
ORDER BY g.rolname <> current_user, g.oid;
SELECT r.oid, r.rolname FROM pg_roles r
WHERE r.oid = CASE WHEN {per_grantor} THEN 10::oid ELSE (SELECT oid FROM pg_roles WHERE rolname = current_user) END;
