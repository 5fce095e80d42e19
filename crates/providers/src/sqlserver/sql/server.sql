-- mayfly server
-- What a launch reads of the server before anything is written down or made.
DECLARE @agent int = 0;
IF CONVERT(int, SERVERPROPERTY('EngineEdition')) IN (2, 3, 8) AND HAS_DBACCESS(N'msdb') = 1
    AND HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1
    SET @agent = (SELECT COUNT(*) FROM sys.dm_server_services AS s
        WHERE s.servicename LIKE N'SQL Server Agent%' AND s.status = 4);
IF @agent > 0
    EXEC [msdb].sys.sp_executesql
        N'SET @agent = CASE WHEN IS_SRVROLEMEMBER(N''sysadmin'') = 1 OR IS_MEMBER(N''SQLAgentUserRole'') = 1 THEN 1 ELSE 0 END',
        N'@agent int OUTPUT', @agent OUTPUT;
SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME()),
    ISNULL(HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'), 0),
    ISNULL(HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY CONNECTION'), 0),
    {may_see},
    CONVERT(int, SERVERPROPERTY('IsIntegratedSecurityOnly')),
    @agent;
SELECT CONVERT(nvarchar(172), p.sid, 1), CONVERT(nvarchar(1), p.type), CONVERT(int, p.is_disabled),
    ISNULL(IS_SRVROLEMEMBER(N'sysadmin', p.name), 0)
FROM sys.server_principals AS p WHERE p.name = @account;
