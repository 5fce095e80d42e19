-- mayfly deadline
-- A job of Agent's that runs once, at the deadline, and disables the log-in. Agent's calendar is in the server's own time.
DECLARE @local datetime2(0) = DATEADD(MINUTE, DATEPART(TZOFFSET, SYSDATETIMEOFFSET()), @until);
DECLARE @day int = CONVERT(int, CONVERT(nvarchar(8), @local, 112)), @time int = CONVERT(int, REPLACE(CONVERT(nvarchar(8), @local, 108), N':', N''));
DECLARE @command nvarchar(max) = N'ALTER LOGIN ' + QUOTENAME(@login) + N' DISABLE;', @failed int = 0;
EXEC @failed = dbo.sp_add_job @job_name = @job, @description = @mark, @delete_level = 0;
IF @failed = 0
    EXEC @failed = dbo.sp_add_jobstep @job_name = @job, @step_name = N'disable', @subsystem = N'TSQL', @command = @command, @database_name = N'master';
IF @failed = 0
    EXEC @failed = dbo.sp_add_jobschedule @job_name = @job, @name = N'once', @freq_type = 1, @active_start_date = @day, @active_start_time = @time;
IF @failed = 0
    EXEC @failed = dbo.sp_add_jobserver @job_name = @job;
IF @failed <> 0
    THROW 51007, N'the job that holds the deadline could not be made', 1;
