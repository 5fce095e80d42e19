-- Hands over what a user owns in this database, and takes back what it granted. Modules that run as it go.
DECLARE @owner int = (SELECT u.principal_id FROM sys.database_principals AS u WHERE u.sid = @sid AND u.principal_id > 4);
DECLARE @statement nvarchar(max) = N'';
DECLARE @left TABLE (number int IDENTITY, statement nvarchar(max));
IF @owner IS NOT NULL AND EXISTS (SELECT 1 FROM sys.triggers AS t WHERE t.parent_class = 0 AND t.is_disabled = 0 AND t.is_ms_shipped = 0
    AND t.modify_date >= (SELECT u.create_date FROM sys.database_principals AS u WHERE u.principal_id = @owner))
    THROW 51006, N'a trigger of the database was made or changed in the time of the account: look at it and disable it', 1;
INSERT @left SELECT N'DROP ' + CASE WHEN o.type IN ('P', 'PC') THEN N'PROCEDURE ' WHEN o.type IN ('TR', 'TA') THEN N'TRIGGER '
        ELSE N'FUNCTION ' END + QUOTENAME(SCHEMA_NAME(o.schema_id)) + N'.' + QUOTENAME(o.name)
    FROM sys.sql_modules AS m JOIN sys.objects AS o ON o.object_id = m.object_id WHERE m.execute_as_principal_id = @owner;
INSERT @left SELECT N'CREATE ROLE ' + QUOTENAME(@heir) WHERE @owner IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM sys.database_principals AS r WHERE r.name = @heir AND r.type = 'R');
INSERT @left SELECT N'ALTER AUTHORIZATION ON ' + o.class + N'::' + CASE WHEN o.parent = N'' THEN N'' ELSE QUOTENAME(o.parent) + N'.' END
        + QUOTENAME(o.name) + N' TO ' + CASE WHEN o.class IN (N'CERTIFICATE', N'ASYMMETRIC KEY') THEN N'[dbo]' ELSE QUOTENAME(@heir) END
    FROM ({owned}) AS o WHERE o.owner = @owner AND o.name <> @heir;
WHILE @statement IS NOT NULL
BEGIN
    SET @statement = NULL;
    SELECT TOP (1) @statement = l.statement FROM @left AS l ORDER BY l.number;
    DELETE @left WHERE number = (SELECT MIN(l.number) FROM @left AS l);
    IF @statement IS NOT NULL
        EXEC (@statement);
END;
{granted}
