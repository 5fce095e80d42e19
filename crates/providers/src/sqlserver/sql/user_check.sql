-- mayfly user check
-- What a check and a launch ask of a contained database. Connections are shown with a right of their own only.
DECLARE @encrypted int = -1;
IF {may_see} = 1
    EXEC sys.sp_executesql
        N'SET @encrypted = (SELECT TOP (1) CASE WHEN c.encrypt_option = ''TRUE'' THEN 1 ELSE 0 END FROM sys.dm_exec_connections AS c
            WHERE c.session_id = @@SPID)',
        N'@encrypted int OUTPUT', @encrypted OUTPUT;
SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME()), {may_see},
    ISNULL(@encrypted, -1),
    CASE WHEN CONVERT(int, SERVERPROPERTY('EngineEdition')) = 5
        THEN ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'KILL DATABASE CONNECTION'), 0)
        ELSE ISNULL(HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY CONNECTION'), 0) END;
