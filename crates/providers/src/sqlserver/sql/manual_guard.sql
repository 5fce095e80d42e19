-- mayfly manual guard
-- Whether this is where the change was made.
DECLARE @here nvarchar(400), @guid nvarchar(36);
DECLARE @broker nvarchar(36) = (SELECT CONVERT(nvarchar(36), d.service_broker_guid) FROM sys.databases AS d WHERE d.name = DB_NAME());
IF CONVERT(int, SERVERPROPERTY('EngineEdition')) <> 5
    EXEC sys.sp_executesql
        N'SET @guid = (SELECT CONVERT(nvarchar(36), r.database_guid) FROM sys.database_recovery_status AS r WHERE r.database_id = 1)',
        N'@guid nvarchar(36) OUTPUT', @guid OUTPUT;
SET @here = N'sqlserver:' + CONVERT(nvarchar(256), SERVERPROPERTY('ServerName')) + N'/';
IF @target NOT IN (@here + LOWER(ISNULL(@guid, N'')), @here + LOWER(@broker))
    THROW 51008, N'this is another server than the one on which the change was made', 1;
