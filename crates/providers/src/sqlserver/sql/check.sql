-- mayfly check
-- What a check of a record asks of the server. Connections are shown with a right of their own only.
DECLARE @encrypted int = -1;
IF {may_see} = 1
    EXEC sys.sp_executesql
        N'SET @encrypted = (SELECT TOP (1) CASE WHEN c.encrypt_option = ''TRUE'' THEN 1 ELSE 0 END FROM sys.dm_exec_connections AS c
            WHERE c.session_id = @@SPID)',
        N'@encrypted int OUTPUT', @encrypted OUTPUT;
SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME()), {may_see},
    ISNULL(@encrypted, -1),
    CONVERT(int, SERVERPROPERTY('IsIntegratedSecurityOnly'));
SELECT ISNULL(HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'), 0), ISNULL(HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY CONNECTION'), 0),
    ISNULL(HAS_PERMS_BY_NAME(NULL, NULL, 'CONTROL SERVER'), 0), ISNULL(IS_SRVROLEMEMBER(N'securityadmin'), 0);
SELECT {enabled}, CONVERT(int, l.is_disabled),
    ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(l.name), 'LOGIN', 'IMPERSONATE'), 0),
    CASE WHEN EXISTS (SELECT 1 FROM sys.server_role_members AS m WHERE m.member_principal_id = l.principal_id)
        OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.grantee_principal_id = l.principal_id
            AND g.state IN ('G', 'W') AND g.type <> 'COSQ') THEN 1 ELSE 0 END
FROM sys.server_principals AS l WHERE l.name = @heir AND l.type = 'S';
