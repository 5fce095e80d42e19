-- mayfly remove
-- Under the lock that opening takes: a command still under way either has made the account before this looks, or comes after
-- it and is past its last moment by the time anybody believes that the account is gone.
{find}
DECLARE @since datetime = (SELECT l.create_date FROM sys.server_principals AS l WHERE l.sid = @sid), @inner nvarchar(max) = {inner};
DECLARE @dropped nvarchar(max) = N'DROP LOGIN ' + QUOTENAME(@login) + N';';
{jobs}
IF EXISTS (SELECT 1 FROM sys.dm_exec_sessions AS s WHERE s.original_security_id = @sid AND s.is_user_process = 1 AND s.session_id <> @@SPID)
    THROW 51002, N'a session of the account runs', 1;
IF EXISTS (SELECT 1 FROM sys.server_triggers AS t WHERE t.is_disabled = 0 AND t.is_ms_shipped = 0 AND t.modify_date >= @since)
    THROW 51006, N'a trigger of the server was made or changed in the time of the account', 1;
IF @login IS NOT NULL OR NOT EXISTS (SELECT 1 FROM sys.server_principals AS l WHERE l.sid = @sid)
BEGIN
    {each}
    IF EXISTS (SELECT 1 FROM @jobs AS j WHERE j.name = @job AND j.owner <> @sid)
        EXEC [msdb].dbo.sp_delete_job @job_name = @job;
    IF @login IS NOT NULL
        EXEC (@dropped);
END;
