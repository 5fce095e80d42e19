-- mayfly granted server
-- Takes back what the account granted or denied to others: while any of it is there, the account cannot be dropped.
DECLARE @taken TABLE (statement nvarchar(max));
INSERT @taken SELECT N'REVOKE ' + g.permission_name COLLATE DATABASE_DEFAULT + CASE g.class
        WHEN 101 THEN N' ON ' + CASE WHEN p.type = 'R' THEN N'SERVER ROLE' ELSE N'LOGIN' END + N'::' + QUOTENAME(p.name)
        WHEN 105 THEN N' ON ENDPOINT::' + QUOTENAME(e.name) ELSE N'' END
    + N' FROM ' + QUOTENAME(t.name) + N' CASCADE AS ' + QUOTENAME(l.name)
FROM sys.server_permissions AS g JOIN sys.server_principals AS l ON l.principal_id = g.grantor_principal_id
    JOIN sys.server_principals AS t ON t.principal_id = g.grantee_principal_id
    LEFT JOIN sys.server_principals AS p ON g.class = 101 AND p.principal_id = g.major_id
    LEFT JOIN sys.endpoints AS e ON g.class = 105 AND e.endpoint_id = g.major_id
WHERE l.sid = @sid AND g.class IN (100, 101, 105);
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
