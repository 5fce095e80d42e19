-- mayfly grant database
-- Adds the member unless it is one. Both are known by their SIDs, so that a renamed one is still found and one made anew
-- under an old name is not touched.
DECLARE @lifted sysname = (SELECT p.name FROM sys.database_principals AS p WHERE p.sid = @member AND p.type <> 'R');
DECLARE @granted sysname = (SELECT r.name FROM sys.database_principals AS r WHERE r.sid = @role AND r.type = 'R');
DECLARE @added int = 0, @statement nvarchar(max);
IF @lifted IS NULL OR @granted IS NULL
    THROW 51004, N'the account or the role is gone', 1;
IF NOT EXISTS (SELECT 1 FROM sys.database_role_members AS m JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id
    JOIN sys.database_principals AS p ON p.principal_id = m.member_principal_id WHERE r.sid = @role AND p.sid = @member)
BEGIN
    SET @statement = N'ALTER ROLE ' + QUOTENAME(@granted) + N' ADD MEMBER ' + QUOTENAME(@lifted) + N';';
    EXEC (@statement);
    SET @added = 1;
END;
SELECT @added;
