-- Who we are, from where we come, and which server this is. MariaDB has no id of its own: taken are its number among
-- replicas and the second in which the oldest of its own tables was made.
SELECT CURRENT_USER(), p.HOST,
    (SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'),
    @@GLOBAL.read_only,
    (SELECT CONCAT(@@GLOBAL.server_id, '-', UNIX_TIMESTAMP(MIN(t.CREATE_TIME))) FROM information_schema.TABLES t
        WHERE t.TABLE_SCHEMA = 'mysql' AND t.ENGINE = 'Aria')
FROM {processes} p WHERE p.ID = CONNECTION_ID();
