-- mayfly contents
-- What can be dropped of what a user owns in this database, itself or through a schema.
SELECT CASE WHEN o.type = 'U' THEN N'TABLE' WHEN o.type = 'V' THEN N'VIEW' WHEN o.type IN ('P', 'PC') THEN N'PROCEDURE'
        WHEN o.type = 'SO' THEN N'SEQUENCE' WHEN o.type = 'SN' THEN N'SYNONYM' ELSE N'FUNCTION' END, s.name, o.name
FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id
    JOIN sys.database_principals AS u ON u.principal_id = ISNULL(o.principal_id, s.principal_id)
WHERE u.sid = @sid AND u.principal_id > 4 AND o.type IN ('U', 'V', 'P', 'PC', 'SO', 'SN', 'FN', 'IF', 'TF', 'FS', 'FT')
UNION ALL
SELECT N'TYPE', s.name, t.name FROM sys.types AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
    JOIN sys.database_principals AS u ON u.principal_id = ISNULL(t.principal_id, s.principal_id)
WHERE u.sid = @sid AND u.principal_id > 4 AND t.is_user_defined = 1
UNION ALL
SELECT N'SCHEMA', N'', s.name FROM sys.schemas AS s JOIN sys.database_principals AS u ON u.principal_id = s.principal_id
WHERE u.sid = @sid AND u.principal_id > 4
UNION ALL
SELECT N'ROLE', N'', r.name FROM sys.database_principals AS r JOIN sys.database_principals AS u ON u.principal_id = r.owning_principal_id
WHERE u.sid = @sid AND u.principal_id > 4 AND r.type = 'R';
