-- mayfly user remove
{find}
DECLARE @found varbinary(85) = (SELECT u.sid FROM sys.database_principals AS u WHERE u.name = @user);
DECLARE @dropped nvarchar(max) = N'DROP USER ' + QUOTENAME(@user) + N';';
IF @user IS NOT NULL AND EXISTS (SELECT 1 FROM sys.dm_exec_sessions AS s WHERE s.is_user_process = 1 AND s.session_id <> @@SPID
    AND (s.original_security_id = @found OR s.authenticating_database_id = DB_ID() AND s.original_login_name = @user))
    THROW 51002, N'a session of the account runs', 1;
IF @user IS NOT NULL AND EXISTS (SELECT 1 FROM sys.triggers AS t WHERE t.parent_class = 0 AND t.is_disabled = 0
    AND t.is_ms_shipped = 0 AND t.modify_date >= (SELECT u.create_date FROM sys.database_principals AS u WHERE u.name = @user))
    THROW 51006, N'a trigger of the database was made or changed in the time of the account', 1;
IF @user IS NOT NULL
    EXEC (@dropped);
