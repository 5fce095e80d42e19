-- Drops the user of a log-in in this database. A trigger that was made or changed in its time would run with our rights.
DECLARE @user sysname = (SELECT u.name FROM sys.database_principals AS u WHERE u.sid = @sid AND u.principal_id > 4 AND u.type <> 'R');
DECLARE @drop nvarchar(max) = N'DROP USER ' + QUOTENAME(@user) + N';';
IF @user IS NOT NULL AND EXISTS (SELECT 1 FROM sys.triggers AS t
    WHERE t.parent_class = 0 AND t.is_disabled = 0 AND t.is_ms_shipped = 0 AND t.modify_date >= @since)
    THROW 51006, N'a trigger of the database was made or changed in the time of the account', 1;
IF @user IS NOT NULL
    EXEC (@drop);
