-- mayfly databases
-- What a database lets us do is seen from outside: whether it is online, open to us, and takes changes.
SELECT d.name, CONVERT(int, d.state), ISNULL(HAS_DBACCESS(d.name), 0),
    CASE WHEN CONVERT(nvarchar(128), DATABASEPROPERTYEX(d.name, 'Updateability')) = N'READ_WRITE' THEN 1 ELSE 0 END
FROM sys.databases AS d ORDER BY d.database_id;
