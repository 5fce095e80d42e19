-- The settings of every administrative connection: nothing of the server's own settings changes what our statements mean, and
-- nothing waits for ever.
SET NAMES utf8mb4;
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';
SET SESSION autocommit = 1;
SET SESSION time_zone = '+00:00';
SET SESSION transaction_isolation = 'READ-COMMITTED';
SET SESSION lock_wait_timeout = 4;
SET SESSION innodb_lock_wait_timeout = 4;
SET SESSION max_execution_time = 10000;
SET SESSION wait_timeout = 900;
SET SESSION sql_safe_updates = 0;
SET SESSION sql_select_limit = DEFAULT;
