-- What launches read before anything is written down or made, for all of them at once.
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
FROM (VALUES {wishes}) wish(number, account, elevated, grave)
    JOIN pg_roles me ON me.rolname = current_user
    LEFT JOIN pg_roles account ON account.rolname = wish.account
    LEFT JOIN pg_roles elevated ON elevated.rolname = wish.elevated
    LEFT JOIN pg_roles grave ON grave.rolname = wish.grave
ORDER BY wish.number;
SELECT wish.number, m.grantor, {inherits}
FROM (VALUES {wishes}) wish(number, account, elevated, grave)
    JOIN pg_roles account ON account.rolname = wish.account
    JOIN pg_roles elevated ON elevated.rolname = wish.elevated
    JOIN pg_auth_members m ON m.roleid = elevated.oid AND m.member = account.oid;
SELECT wish.elevated, g.oid, g.rolname
FROM (SELECT DISTINCT elevated FROM (VALUES {wishes}) every(number, account, elevated, grave)) wish
    JOIN pg_roles elevated ON elevated.rolname = wish.elevated
    JOIN pg_auth_members m ON m.roleid = elevated.oid
    JOIN pg_roles g ON g.oid = m.member
WHERE {per_grantor} AND m.admin_option AND (g.rolname = current_user OR pg_has_role(current_user, g.oid, 'USAGE'))
ORDER BY wish.elevated, g.rolname <> current_user, g.oid;
SELECT r.oid, r.rolname FROM pg_roles r
WHERE r.oid = CASE WHEN {per_grantor} THEN 10::oid ELSE (SELECT oid FROM pg_roles WHERE rolname = current_user) END;
