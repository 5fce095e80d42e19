-- mayfly visit
-- Who is logged in, where, and whether with the role: one of a database, or of the server where the record names no database.
SELECT ORIGINAL_LOGIN(), DB_NAME(),
    CASE WHEN IS_ROLEMEMBER(@role) = 1 OR @alone = 1 AND IS_SRVROLEMEMBER(@role) = 1 THEN 1 ELSE 0 END;
