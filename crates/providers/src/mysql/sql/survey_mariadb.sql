-- What a launch reads besides the accounts: who of that name has the role, and what the server does for us.
SELECT e.Host FROM mysql.roles_mapping e WHERE e.User = {name} AND e.Role = {role};
SELECT @@GLOBAL.event_scheduler, {admin_edge},
    EXISTS (SELECT 1 FROM information_schema.SCHEMATA s WHERE s.SCHEMA_NAME = {events}),
    '',
    EXISTS (SELECT 1 FROM mysql.user r WHERE r.User = {role} AND r.Host = {role_host} AND r.Trigger_priv = 'Y')
    OR EXISTS (SELECT 1 FROM mysql.db r WHERE r.User = {role} AND r.Host = {role_host} AND r.Trigger_priv = 'Y')
    OR EXISTS (SELECT 1 FROM mysql.tables_priv r
        WHERE r.User = {role} AND r.Host = {role_host} AND FIND_IN_SET('Trigger', r.Table_priv));
