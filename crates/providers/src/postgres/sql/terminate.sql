-- Each on its own: one that may not be ended does not protect the others. Where the server hides since when a session runs,
-- it is not ended, since it may be older than what we did.
DECLARE
    session record;
BEGIN
    FOR session IN
        SELECT a.pid FROM pg_stat_activity a WHERE {of} AND {scope} AND a.pid <> pg_backend_pid()
            AND {known}
    LOOP
        BEGIN
            PERFORM pg_terminate_backend(session.pid);
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
    END LOOP;
END
