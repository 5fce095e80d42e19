-- mayfly manual end
-- Ends the sessions that began at or after a moment, and waits until they are gone.
DECLARE @round int = 0, @statement nvarchar(max) = N'';
WHILE @round < 100 AND @statement IS NOT NULL
BEGIN
    SET @statement = NULL;
    SELECT TOP (1) @statement = N'KILL ' + CONVERT(nvarchar(11), s.session_id) + N';'
    FROM sys.dm_exec_sessions AS s
    WHERE (s.original_security_id = @sid OR s.authenticating_database_id = DB_ID() AND s.original_login_name =
            (SELECT u.name FROM sys.database_principals AS u WHERE u.sid = @sid))
        AND s.is_user_process = 1 AND s.session_id <> @@SPID AND (@since IS NULL OR DATEDIFF_BIG(MICROSECOND, '19700101',
            DATEADD(MINUTE, -DATEPART(TZOFFSET, SYSDATETIMEOFFSET()), s.login_time)) >= @since - 4000)
    ORDER BY (s.session_id + @round) % 97;
    BEGIN TRY
        IF @statement IS NOT NULL
            EXEC (@statement);
    END TRY
    BEGIN CATCH
        -- It ended by itself, or it may not be ended, which shows below.
        PRINT ERROR_MESSAGE();
    END CATCH;
    WAITFOR DELAY '00:00:00.1';
    SET @round = @round + 1;
END;
IF @statement IS NOT NULL
    THROW 51002, N'sessions of the account still run', 1;
