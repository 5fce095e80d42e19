-- mayfly holders server
-- Log-ins that can be used and hold, themselves or through roles, what Mayfly is there to give for a time: one row for each right.
-- Who comes in through a Windows group is not seen here.
WITH reach (holder, role) AS (
    SELECT m.member_principal_id, m.role_principal_id FROM sys.server_role_members AS m
    UNION ALL SELECT r.holder, m.role_principal_id FROM reach AS r
        JOIN sys.server_role_members AS m ON m.member_principal_id = r.role
), have (holder, through) AS (
    SELECT p.principal_id, NULL FROM sys.server_principals AS p UNION SELECT r.holder, r.role FROM reach AS r
)
SELECT TOP (@most) l.name, CONVERT(nvarchar(172), l.sid, 1), CASE WHEN l.name = ORIGINAL_LOGIN() THEN 1 ELSE 0 END, w.held, w.through
FROM (
    SELECT h.holder, N'' AS held, g.name COLLATE DATABASE_DEFAULT AS through FROM have AS h JOIN sys.server_principals AS g ON g.principal_id = h.through
    WHERE g.name IN (N'sysadmin', N'securityadmin', N'serveradmin', N'setupadmin', N'processadmin', N'dbcreator', N'diskadmin', N'bulkadmin', @role)
        OR g.name LIKE N'##MS[_]%Manager##'
    UNION SELECT h.holder, d.permission_name COLLATE DATABASE_DEFAULT, ISNULL(g.name, N'') FROM have AS h
        LEFT JOIN sys.server_principals AS g ON g.principal_id = h.through
        JOIN sys.server_permissions AS d ON d.grantee_principal_id = ISNULL(h.through, h.holder)
    WHERE d.class = 100 AND d.state IN ('G', 'W') AND d.permission_name IN (N'CONTROL SERVER', N'ALTER ANY LOGIN',
        N'ALTER ANY SERVER ROLE', N'IMPERSONATE ANY LOGIN', N'ALTER ANY DATABASE', N'UNSAFE ASSEMBLY', N'ADMINISTER BULK OPERATIONS')
) AS w JOIN sys.server_principals AS l ON l.principal_id = w.holder
WHERE l.type IN ('S', 'U', 'G', 'E', 'X') AND {enabled} = 1
ORDER BY l.name, l.sid, w.through, w.held;
