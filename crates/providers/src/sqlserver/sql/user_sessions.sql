-- mayfly user sessions
-- Sessions of a user with a password of its own, by the SID or by the database that let it in.
DECLARE @ours varbinary(85) = ISNULL(@sid, (SELECT TOP (1) m.sid FROM ({marked}) AS m));
DECLARE @named sysname = (SELECT u.name FROM sys.database_principals AS u WHERE u.sid = @ours);
SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME()), {may_see};
SELECT CONVERT(int, s.session_id),
    DATEDIFF_BIG(MICROSECOND, '19700101', DATEADD(MINUTE, -DATEPART(TZOFFSET, SYSDATETIMEOFFSET()), s.login_time)),
    CONVERT(nvarchar(172), s.original_security_id, 1),
    ISNULL((SELECT TOP (1) c.client_net_address FROM sys.dm_exec_connections AS c WHERE c.session_id = s.session_id), N'')
FROM sys.dm_exec_sessions AS s
WHERE (s.original_security_id = @ours OR s.authenticating_database_id = DB_ID() AND s.original_login_name = @named)
    AND s.is_user_process = 1 AND s.session_id <> @@SPID;
