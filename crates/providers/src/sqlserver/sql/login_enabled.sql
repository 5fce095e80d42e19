-- Whether a log-in may be used.
CASE WHEN l.is_disabled = 0 AND NOT EXISTS (SELECT 1 FROM sys.server_permissions AS d
    WHERE d.grantee_principal_id = l.principal_id AND d.class = 100 AND d.type = 'COSQ' AND d.state = 'D') THEN 1 ELSE 0 END
