-- mayfly setup
-- The settings of every administrative connection: nothing that an administrator or a database has set changes what our
-- statements mean, and nothing waits for ever.
SET NOCOUNT ON;
SET XACT_ABORT ON;
SET IMPLICIT_TRANSACTIONS OFF;
SET LOCK_TIMEOUT 2000;
SET ROWCOUNT 0;
SET TEXTSIZE 2147483647;
SET LANGUAGE us_english;
SET DATEFORMAT ymd;
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;
SET ANSI_PADDING ON;
SET ANSI_WARNINGS ON;
SET ARITHABORT ON;
SET CONCAT_NULL_YIELDS_NULL ON;
SET NUMERIC_ROUNDABORT OFF;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
DECLARE @guid nvarchar(36);
IF CONVERT(int, SERVERPROPERTY('EngineEdition')) <> 5
    EXEC sys.sp_executesql
        N'SET @guid = (SELECT CONVERT(nvarchar(36), r.database_guid) FROM sys.database_recovery_status AS r WHERE r.database_id = 1)',
        N'@guid nvarchar(36) OUTPUT', @guid OUTPUT;
SELECT CONVERT(nvarchar(256), SERVERPROPERTY('ServerName')),
    CONVERT(int, SERVERPROPERTY('EngineEdition')),
    CONVERT(int, SERVERPROPERTY('ProductMajorVersion')),
    @guid,
    CONVERT(nvarchar(36), d.service_broker_guid),
    ORIGINAL_LOGIN(),
    ISNULL(IS_SRVROLEMEMBER(N'sysadmin'), 0),
    d.name,
    CASE WHEN CONVERT(nvarchar(128), DATABASEPROPERTYEX(d.name, 'Updateability')) = N'READ_WRITE' THEN 1 ELSE 0 END,
    CONVERT(int, d.containment)
FROM sys.databases AS d WHERE d.name = DB_NAME();
