-- mayfly owned
-- What a user owns in this database, what runs as it, the triggers that were made in its time, and whether its heir is there.
DECLARE @owner int, @since datetime;
SELECT @owner = u.principal_id, @since = u.create_date FROM sys.database_principals AS u WHERE u.sid = @sid AND u.principal_id > 4;
SELECT o.class, o.parent, o.name FROM ({owned}) AS o WHERE o.owner = @owner AND o.name <> @heir;
SELECT CASE WHEN o.type IN ('P', 'PC') THEN N'PROCEDURE' WHEN o.type IN ('TR', 'TA') THEN N'TRIGGER' ELSE N'FUNCTION' END,
    SCHEMA_NAME(o.schema_id), o.name
FROM sys.sql_modules AS m JOIN sys.objects AS o ON o.object_id = m.object_id WHERE m.execute_as_principal_id = @owner;
SELECT t.name FROM sys.triggers AS t
WHERE t.parent_class = 0 AND t.is_disabled = 0 AND t.is_ms_shipped = 0 AND t.modify_date >= @since;
SELECT COUNT(*) FROM sys.database_principals AS r WHERE r.name = @heir AND r.type = 'R';
