-- mayfly granted database
-- Takes back what the account granted or denied to others in this database.
DECLARE @taken TABLE (statement nvarchar(max));
INSERT @taken SELECT N'REVOKE ' + g.permission_name COLLATE DATABASE_DEFAULT + CASE g.class
        WHEN 1 THEN N' ON OBJECT::' + QUOTENAME(OBJECT_SCHEMA_NAME(g.major_id)) + N'.' + QUOTENAME(OBJECT_NAME(g.major_id))
            + CASE WHEN g.minor_id > 0 THEN N' (' + QUOTENAME(COL_NAME(g.major_id, g.minor_id)) + N')' ELSE N'' END
        WHEN 3 THEN N' ON SCHEMA::' + QUOTENAME(SCHEMA_NAME(g.major_id))
        WHEN 4 THEN N' ON ' + CASE p.type WHEN 'R' THEN N'ROLE' WHEN 'A' THEN N'APPLICATION ROLE' ELSE N'USER' END + N'::' + QUOTENAME(p.name)
        WHEN 5 THEN N' ON ASSEMBLY::' + QUOTENAME(a.name)
        WHEN 6 THEN N' ON TYPE::' + QUOTENAME(SCHEMA_NAME(y.schema_id)) + N'.' + QUOTENAME(y.name)
        WHEN 10 THEN N' ON XML SCHEMA COLLECTION::' + QUOTENAME(SCHEMA_NAME(x.schema_id)) + N'.' + QUOTENAME(x.name)
        WHEN 24 THEN N' ON SYMMETRIC KEY::' + QUOTENAME(k.name)
        WHEN 25 THEN N' ON CERTIFICATE::' + QUOTENAME(c.name) ELSE N'' END
    + N' FROM ' + QUOTENAME(t.name) + N' CASCADE AS ' + QUOTENAME(u.name)
FROM sys.database_permissions AS g JOIN sys.database_principals AS u ON u.principal_id = g.grantor_principal_id
    JOIN sys.database_principals AS t ON t.principal_id = g.grantee_principal_id
    LEFT JOIN sys.database_principals AS p ON g.class = 4 AND p.principal_id = g.major_id
    LEFT JOIN sys.assemblies AS a ON g.class = 5 AND a.assembly_id = g.major_id
    LEFT JOIN sys.types AS y ON g.class = 6 AND y.user_type_id = g.major_id
    LEFT JOIN sys.xml_schema_collections AS x ON g.class = 10 AND x.xml_collection_id = g.major_id
    LEFT JOIN sys.symmetric_keys AS k ON g.class = 24 AND k.symmetric_key_id = g.major_id
    LEFT JOIN sys.certificates AS c ON g.class = 25 AND c.certificate_id = g.major_id
WHERE u.sid = @sid AND u.principal_id > 4 AND g.class IN (0, 1, 3, 4, 5, 6, 10, 24, 25);
DECLARE @statement nvarchar(max);
DECLARE each CURSOR LOCAL STATIC FOR SELECT t.statement FROM @taken AS t;
OPEN each;
FETCH NEXT FROM each INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM each INTO @statement;
END;
CLOSE each;
DEALLOCATE each;
SELECT t.statement FROM @taken AS t;
