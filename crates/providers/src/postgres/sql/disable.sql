-- Not under the locks of the changes: whoever holds such a lock on the server must not be able to keep an account open.
DECLARE
    account name;
BEGIN
    FOR account IN SELECT every.rolname FROM ({ours}) every(oid, rolname)
    LOOP
        EXECUTE format('ALTER ROLE %I NOLOGIN', account);
    END LOOP;
END
