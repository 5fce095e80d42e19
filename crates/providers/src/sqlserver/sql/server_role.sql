-- mayfly server role
-- A role of the server, and whether the account is a member of it.
SELECT r.name, CONVERT(nvarchar(172), r.sid, 1), CONVERT(int, r.is_fixed_role),
    CASE WHEN IS_SRVROLEMEMBER(N'sysadmin') = 1 THEN 1
        WHEN r.is_fixed_role = 1 THEN ISNULL(IS_SRVROLEMEMBER(r.name), 0)
        WHEN HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY SERVER ROLE') = 1 THEN 1
        ELSE ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(r.name), 'SERVER ROLE', 'ALTER'), 0) END,
    CASE WHEN EXISTS (SELECT 1 FROM sys.server_role_members AS m JOIN sys.server_principals AS p
        ON p.principal_id = m.member_principal_id WHERE m.role_principal_id = r.principal_id AND p.name = @account)
        THEN 1 ELSE 0 END
FROM sys.server_principals AS r WHERE r.type = 'R' AND r.name = @role AND r.name <> N'public';
