-- mayfly manual hand over
-- Hands over what the account owns in every database and of the server; nothing that it wrote is run on the way.
DECLARE @since datetime = NULL, @job sysname = N'', @inner nvarchar(max) = N'DECLARE @heir sysname = N' + QUOTENAME(@heir, '''') + N';' + {inner};
{jobs}
{each}
DECLARE @left TABLE (number int IDENTITY, statement nvarchar(max));
INSERT @left SELECT N'ALTER AUTHORIZATION ON ' + o.class + N'::' + QUOTENAME(o.name) + N' TO ' + QUOTENAME(@heir)
    FROM ({server_owned}) AS o WHERE o.owner = @sid;
INSERT @left SELECT N'EXEC [msdb].dbo.sp_update_job @job_id = ''' + j.job_id + N''', @enabled = 0, @owner_login_name = ' + QUOTENAME(@heir)
    FROM @jobs AS j WHERE j.owner = @sid;
SET @statement = N'';
WHILE @statement IS NOT NULL
BEGIN
    SET @statement = NULL;
    SELECT TOP (1) @statement = l.statement FROM @left AS l ORDER BY l.number;
    DELETE @left WHERE number = (SELECT MIN(l.number) FROM @left AS l);
    IF @statement IS NOT NULL
        EXEC (@statement);
END;
