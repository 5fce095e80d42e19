-- mayfly user made
SELECT CONVERT(nvarchar(172), u.sid, 1) FROM sys.database_principals AS u WHERE u.name = @name;
