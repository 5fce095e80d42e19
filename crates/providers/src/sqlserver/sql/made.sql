-- mayfly made
SELECT CONVERT(nvarchar(172), p.sid, 1) FROM sys.server_principals AS p WHERE p.name = @name;
