-- Ends the sessions, and waits until they are gone.
DECLARE
    left_over bigint;
BEGIN
    FOR round IN 1..100 LOOP
        PERFORM pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE {of} AND {scope} AND a.pid <> pg_backend_pid();
        PERFORM pg_sleep(0.1);
        PERFORM pg_stat_clear_snapshot();
        SELECT count(*) INTO left_over FROM pg_stat_activity a WHERE {of} AND {scope} AND a.pid <> pg_backend_pid();
        EXIT WHEN left_over = 0;
    END LOOP;
    IF left_over > 0 THEN
        RAISE EXCEPTION '% sessions of the account still run', left_over;
    END IF;
END
