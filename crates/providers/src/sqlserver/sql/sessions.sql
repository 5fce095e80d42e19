-- mayfly sessions
-- Sessions by the SID with which they came in, since a name is gone once its log-in is dropped. The time is the server's own
-- clock and is turned into UTC by its offset of now; one that is still logging in has none and comes out as 1900.
SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME()), {may_see};
SELECT CONVERT(int, s.session_id),
    DATEDIFF_BIG(MICROSECOND, '19700101', DATEADD(MINUTE, -DATEPART(TZOFFSET, SYSDATETIMEOFFSET()), s.login_time)),
    CONVERT(nvarchar(172), s.original_security_id, 1),
    ISNULL((SELECT TOP (1) c.client_net_address FROM sys.dm_exec_connections AS c WHERE c.session_id = s.session_id), N'')
FROM sys.dm_exec_sessions AS s
WHERE s.original_security_id = @sid AND s.is_user_process = 1 AND s.session_id <> @@SPID;
