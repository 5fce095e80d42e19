-- mayfly scan
-- Accounts whose name begins with our prefix or whose user here carries what looks like a mark, whoever made them. A user that
-- has lost its log-in counts too.
SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME()), {may_see};
SELECT TOP (@most) f.name, CONVERT(nvarchar(172), f.sid, 1), f.enabled, f.mark,
    DATEDIFF_BIG(MICROSECOND, '19700101', DATEADD(MINUTE, -DATEPART(TZOFFSET, SYSDATETIMEOFFSET()), f.made)),
    (SELECT COUNT(*) FROM sys.dm_exec_sessions AS s WHERE s.original_security_id = f.sid AND s.is_user_process = 1)
FROM (SELECT l.name COLLATE DATABASE_DEFAULT AS name, l.sid, {enabled} AS enabled, l.create_date AS made,
        (SELECT CONVERT(nvarchar(200), e.value) FROM sys.extended_properties AS e JOIN sys.database_principals AS u
            ON u.principal_id = e.major_id WHERE e.class = 4 AND e.name = N'mayfly' AND u.sid = l.sid) AS mark
    FROM sys.server_principals AS l WHERE l.type = 'S'
    UNION ALL SELECT u.name, u.sid, 0, u.create_date, CONVERT(nvarchar(200), e.value)
    FROM sys.extended_properties AS e JOIN sys.database_principals AS u ON u.principal_id = e.major_id
    WHERE e.class = 4 AND e.name = N'mayfly' AND NOT EXISTS (SELECT 1 FROM sys.server_principals AS l WHERE l.sid = u.sid)) AS f
WHERE LEFT(f.name, LEN(@prefix)) COLLATE Latin1_General_BIN2 = @prefix OR LEFT(f.mark, 11) COLLATE Latin1_General_BIN2 = N'mayfly ins_'
ORDER BY f.name;
