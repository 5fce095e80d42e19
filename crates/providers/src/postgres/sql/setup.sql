-- The settings of every administrative connection: nothing of anybody else's is found by name, nothing waits for ever.
SET search_path = pg_catalog, pg_temp;
SET SESSION AUTHORIZATION DEFAULT;
SET ROLE NONE;
SET statement_timeout = '10s';
SET lock_timeout = '2s';
SET idle_in_transaction_session_timeout = '30s';
SET synchronous_commit = on;
SET default_transaction_read_only = off;
SET default_transaction_isolation = 'read committed';
SET standard_conforming_strings = on;
SET client_min_messages = error;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET IntervalStyle = 'postgres';
SELECT set_config('createrole_self_grant', 'set, inherit', false)
    WHERE current_setting('server_version_num')::int >= 160000;
SELECT current_setting('server_version_num'), r.rolname, r.rolsuper, pg_is_in_recovery(),
    has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
    FROM pg_catalog.pg_roles r WHERE r.rolname = session_user;
