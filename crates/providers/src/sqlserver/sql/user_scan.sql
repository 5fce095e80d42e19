-- mayfly user scan
SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME()), {may_see};
SELECT TOP (@most) f.name, CONVERT(nvarchar(172), f.sid, 1), f.enabled, f.mark,
    DATEDIFF_BIG(MICROSECOND, '19700101', DATEADD(MINUTE, -DATEPART(TZOFFSET, SYSDATETIMEOFFSET()), f.made)),
    (SELECT COUNT(*) FROM sys.dm_exec_sessions AS s WHERE s.is_user_process = 1
        AND (s.original_security_id = f.sid OR s.authenticating_database_id = DB_ID() AND s.original_login_name = f.name))
FROM (SELECT l.name, l.sid, {enabled} AS enabled, l.create_date AS made,
        (SELECT CONVERT(nvarchar(200), e.value) FROM sys.extended_properties AS e
            WHERE e.class = 4 AND e.name = N'mayfly' AND e.major_id = l.principal_id) AS mark
    FROM sys.database_principals AS l WHERE l.type = 'S' AND l.principal_id > 4) AS f
WHERE LEFT(f.name, LEN(@prefix)) COLLATE Latin1_General_BIN2 = @prefix OR LEFT(f.mark, 11) COLLATE Latin1_General_BIN2 = N'mayfly ins_'
ORDER BY f.name;
