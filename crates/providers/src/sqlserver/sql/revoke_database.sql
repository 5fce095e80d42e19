-- mayfly revoke database
-- Takes the membership away where both are still there and one is a member of the other.
DECLARE @lifted sysname = (SELECT p.name FROM sys.database_principals AS p WHERE p.sid = @member AND p.type <> 'R');
DECLARE @granted sysname = (SELECT r.name FROM sys.database_principals AS r WHERE r.sid = @role AND r.type = 'R');
DECLARE @statement nvarchar(max);
IF EXISTS (SELECT 1 FROM sys.database_role_members AS m JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id
    JOIN sys.database_principals AS p ON p.principal_id = m.member_principal_id WHERE r.sid = @role AND p.sid = @member)
BEGIN
    SET @statement = N'ALTER ROLE ' + QUOTENAME(@granted) + N' DROP MEMBER ' + QUOTENAME(@lifted) + N';';
    EXEC (@statement);
END;
