-- The user of a log-in in this database, and whether it owns or has granted anything. One that owns the database is no user.
SELECT DB_NAME(), u.name, CASE WHEN EXISTS (SELECT 1 FROM ({owned}) AS o WHERE o.owner = u.principal_id)
    OR EXISTS (SELECT 1 FROM sys.database_permissions AS g WHERE g.grantor_principal_id = u.principal_id) THEN 1 ELSE 0 END
FROM sys.database_principals AS u WHERE u.sid = @sid AND u.principal_id > 4 AND u.type <> 'R';
