-- mayfly look login
-- An account of ours, by the SID that we gave it or by its name, what it owns of the server, and its users in all databases.
DECLARE @since datetime = NULL, @inner nvarchar(max) = {inner};
DECLARE @users TABLE (in_database sysname, name sysname, owns int);
{jobs}
{each}
SELECT COUNT(*) FROM @jobs AS j WHERE j.name = @job AND j.owner <> @sid;
SELECT l.name, CONVERT(nvarchar(172), l.sid, 1), {enabled},
    CASE WHEN l.sid IN ({marked}) THEN 1 ELSE 0 END,
    CASE WHEN EXISTS (SELECT 1 FROM ({server_owned}) AS o WHERE o.owner = l.sid) OR EXISTS (SELECT 1 FROM @jobs AS j WHERE j.owner = l.sid)
        OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.grantor_principal_id = l.principal_id) THEN 1 ELSE 0 END
FROM sys.server_principals AS l WHERE l.sid = @sid OR l.name = @name;
SELECT u.in_database, u.name, u.owns FROM @users AS u;
