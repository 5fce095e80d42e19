-- Whether a user may connect to its database.
CASE WHEN EXISTS (SELECT 1 FROM sys.database_permissions AS d
    WHERE d.grantee_principal_id = l.principal_id AND d.class = 0 AND d.type = 'CO' AND d.state = 'D') THEN 0 ELSE 1 END
