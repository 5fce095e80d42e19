-- mayfly holders database
-- Users of this database that hold, themselves or through roles, what sessions are lifted into, or the database itself.
WITH reach (holder, role) AS (
    SELECT m.member_principal_id, m.role_principal_id FROM sys.database_role_members AS m
    UNION ALL SELECT r.holder, m.role_principal_id FROM reach AS r
        JOIN sys.database_role_members AS m ON m.member_principal_id = r.role
)
SELECT TOP (@most) u.name, CONVERT(nvarchar(172), u.sid, 1), CASE WHEN u.name = USER_NAME() THEN 1 ELSE 0 END, N'', w.through
FROM (SELECT DISTINCT h.holder, g.name AS through FROM reach AS h JOIN sys.database_principals AS g ON g.principal_id = h.role
    WHERE g.name IN (N'db_owner', N'db_securityadmin', N'db_accessadmin', N'db_ddladmin', @role)) AS w
JOIN sys.database_principals AS u ON u.principal_id = w.holder
WHERE u.type IN ('S', 'U', 'G', 'E', 'X')
ORDER BY u.name, u.sid, w.through;
