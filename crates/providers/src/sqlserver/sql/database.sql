-- mayfly database
-- What a launch reads of one database.
SELECT ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'ALTER ANY USER'), 0),
    ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'ALTER ANY ROLE'), 0),
    ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'CONTROL'), 0),
    CASE WHEN CONVERT(nvarchar(128), DATABASEPROPERTYEX(DB_NAME(), 'Updateability')) = N'READ_WRITE' THEN 1 ELSE 0 END;
SELECT u.name, CONVERT(nvarchar(172), u.sid, 1), CONVERT(nvarchar(1), u.type)
FROM sys.database_principals AS u WHERE u.sid = @sid OR u.name = @account;
SELECT r.name, CONVERT(nvarchar(172), r.sid, 1), CONVERT(int, r.is_fixed_role),
    CASE WHEN IS_SRVROLEMEMBER(N'sysadmin') = 1 OR IS_MEMBER(N'db_owner') = 1 THEN 1
        WHEN r.is_fixed_role = 1 THEN 0
        WHEN HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'ALTER ANY ROLE') = 1 THEN 1
        ELSE ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(r.name), 'ROLE', 'ALTER'), 0) END,
    CASE WHEN EXISTS (SELECT 1 FROM sys.database_role_members AS m JOIN sys.database_principals AS u
        ON u.principal_id = m.member_principal_id WHERE m.role_principal_id = r.principal_id AND u.sid = @sid)
        THEN 1 ELSE 0 END
FROM sys.database_principals AS r WHERE r.type = 'R' AND r.name <> N'public' ORDER BY r.name;
