-- Our log-in: the one with the SID that we gave it, while it has our name or its user in this database has our mark.
DECLARE @login sysname = (SELECT l.name FROM sys.server_principals AS l WHERE l.sid = @sid
    AND (l.name = @name OR @sid IN ({marked})));
