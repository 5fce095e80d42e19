-- Agent's jobs, as far as they are shown to us.
DECLARE @jobs TABLE (job_id nvarchar(36), name sysname, owner varbinary(85));
IF HAS_DBACCESS(N'msdb') = 1 AND HAS_PERMS_BY_NAME(N'[msdb].[dbo].[sysjobs]', 'OBJECT', 'SELECT') = 1
    INSERT @jobs EXEC [msdb].sys.sp_executesql
        N'SELECT CONVERT(nvarchar(36), j.job_id), j.name, j.owner_sid FROM dbo.sysjobs AS j WHERE j.owner_sid = @sid OR j.name = @job',
        N'@sid varbinary(85), @job sysname', @sid, @job;
ELSE IF HAS_DBACCESS(N'msdb') = 1 AND HAS_PERMS_BY_NAME(N'[msdb].[dbo].[sysjobs_view]', 'OBJECT', 'SELECT') = 1
    INSERT @jobs EXEC [msdb].sys.sp_executesql
        N'SELECT CONVERT(nvarchar(36), j.job_id), j.name, j.owner_sid FROM dbo.sysjobs_view AS j WHERE j.owner_sid = @sid OR j.name = @job',
        N'@sid varbinary(85), @job sysname', @sid, @job;
