-- What a check reads of the server besides accounts and rights.
SELECT @@GLOBAL.max_connections -
        (SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Threads_connected'),
    @@GLOBAL.event_scheduler, {admin_edge},
    EXISTS (SELECT 1 FROM information_schema.SCHEMATA s WHERE s.SCHEMA_NAME = {database}),
    EXISTS (SELECT 1 FROM information_schema.SCHEMATA s WHERE s.SCHEMA_NAME = {events}),
    @@GLOBAL.mandatory_roles, @@GLOBAL.activate_all_roles_on_login;
