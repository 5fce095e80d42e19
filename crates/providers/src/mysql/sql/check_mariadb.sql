-- What a check reads of the server besides accounts and rights.
SELECT @@GLOBAL.max_connections -
        (SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Threads_connected'),
    @@GLOBAL.event_scheduler, {admin_edge},
    EXISTS (SELECT 1 FROM information_schema.SCHEMATA s WHERE s.SCHEMA_NAME = {database}),
    EXISTS (SELECT 1 FROM information_schema.SCHEMATA s WHERE s.SCHEMA_NAME = {events}),
    '', 0;
