-- Who we are, from where we come, and which server this is: its own random id, made with its data directory.
SELECT CURRENT_USER(), p.HOST,
    (SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher'),
    @@GLOBAL.read_only OR @@GLOBAL.super_read_only, @@GLOBAL.server_uuid
FROM {processes} p WHERE p.ID = CONNECTION_ID();
