-- mayfly kill
-- Numbers of sessions are used again at once, so that the one meant is looked for a last time. Not in a transaction, in which
-- KILL is refused.
DECLARE @statement nvarchar(40) = N'KILL ' + CONVERT(nvarchar(11), @id) + N';', @number int = 0;
IF EXISTS (SELECT 1 FROM sys.dm_exec_sessions AS s WHERE s.session_id = @id AND s.original_security_id = @sid
    AND DATEDIFF_BIG(MICROSECOND, '19700101', DATEADD(MINUTE, -DATEPART(TZOFFSET, SYSDATETIMEOFFSET()), s.login_time)) = @since)
BEGIN
    BEGIN TRY
        EXEC (@statement);
    END TRY
    BEGIN CATCH
        SET @number = ERROR_NUMBER();
    END CATCH;
END;
SELECT @number;
