-- mayfly user look
-- A user of ours with a password of its own: by the SID, by its name or by its mark.
SELECT l.name, CONVERT(nvarchar(172), l.sid, 1), {enabled},
    CASE WHEN l.sid IN ({marked}) THEN 1 ELSE 0 END,
    CASE WHEN EXISTS (SELECT 1 FROM ({owned}) AS o WHERE o.owner = l.principal_id)
        OR EXISTS (SELECT 1 FROM sys.database_permissions AS g WHERE g.grantor_principal_id = l.principal_id) THEN 1 ELSE 0 END
FROM sys.database_principals AS l WHERE l.type <> 'R' AND (l.sid = @sid OR l.name = @name OR l.sid IN ({marked}));
