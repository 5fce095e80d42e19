-- mayfly revoke server
-- Takes the membership away where both are still there and one is a member of the other.
DECLARE @lifted sysname = (SELECT p.name FROM sys.server_principals AS p WHERE p.sid = @member AND p.type <> 'R');
DECLARE @granted sysname = (SELECT r.name FROM sys.server_principals AS r WHERE r.sid = @role AND r.type = 'R');
DECLARE @statement nvarchar(max);
IF EXISTS (SELECT 1 FROM sys.server_role_members AS m JOIN sys.server_principals AS r ON r.principal_id = m.role_principal_id
    JOIN sys.server_principals AS p ON p.principal_id = m.member_principal_id WHERE r.sid = @role AND p.sid = @member)
BEGIN
    SET @statement = N'ALTER SERVER ROLE ' + QUOTENAME(@granted) + N' DROP MEMBER ' + QUOTENAME(@lifted) + N';';
    EXEC (@statement);
END;
