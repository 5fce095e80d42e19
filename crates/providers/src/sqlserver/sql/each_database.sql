-- Runs a text in every database that is online, open to us and takes changes, and keeps what it answers.
DECLARE @database sysname, @statement nvarchar(max);
DECLARE each CURSOR LOCAL FAST_FORWARD FOR SELECT d.name FROM sys.databases AS d
    WHERE d.state = 0 AND HAS_DBACCESS(d.name) = 1
        AND CONVERT(nvarchar(128), DATABASEPROPERTYEX(d.name, 'Updateability')) = N'READ_WRITE';
OPEN each;
FETCH NEXT FROM each INTO @database;
WHILE @@FETCH_STATUS = 0
BEGIN
    SET @statement = N'EXEC ' + QUOTENAME(@database) + N'.sys.sp_executesql @inner, N''@sid varbinary(85), @since datetime'', @sid, @since;';
    {keep}EXEC sys.sp_executesql @statement, N'@inner nvarchar(max), @sid varbinary(85), @since datetime', @inner, @sid, @since;
    FETCH NEXT FROM each INTO @database;
END;
CLOSE each;
DEALLOCATE each;
