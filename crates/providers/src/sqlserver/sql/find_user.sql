-- Our user: the one with the SID that is known, while it has our name or our mark; without one, the one with our mark.
DECLARE @user sysname = (SELECT TOP (1) u.name FROM sys.database_principals AS u
    WHERE u.principal_id > 4 AND (u.sid = @sid AND (u.name = @name OR u.sid IN ({marked})) OR @sid IS NULL AND u.sid IN ({marked})));
