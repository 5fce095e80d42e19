//! The rules about accounts, each with the number that the documents give its error.

use mayfly_testbed::SqlServerStandIn;

use super::{column, start};

/// The number of the error that statements end with; 0 for none.
fn number(server: &SqlServerStandIn, database: &str, sql: &str) -> u32 {
    match server.admin(database, sql) {
        Ok(_) => 0,
        Err(error) => error.to_string().split(' ').next().unwrap().parse().unwrap(),
    }
}

#[test]
fn each_refusal_has_its_number() {
    let server = start();
    for (database, sql, expected) in [
        ("master", "CREATE LOGIN ALICE WITH PASSWORD = N'Secret-123'", 15025),
        ("master", "CREATE LOGIN weak WITH PASSWORD = N'short'", 15116),
        ("master", "CREATE LOGIN weak WITH PASSWORD = N'onlylowercase'", 15118),
        ("master", "CREATE LOGIN weak WITH PASSWORD = N'onlylowercase', CHECK_POLICY = OFF", 0),
        ("master", "CREATE LOGIN [dom\\user] WITH PASSWORD = N'Secret-123'", 15006),
        ("master", "CREATE LOGIN other WITH PASSWORD = N'Secret-123', DEFAULT_DATABASE = nowhere", 15010),
        ("master", "ALTER LOGIN nobody DISABLE", 15151),
        ("master", "DROP LOGIN nobody", 15151),
        ("master", "DROP LOGIN sa", 15405),
        ("master", "KILL 60", 6106),
        ("master", "KILL 0", 6101),
        ("master", "KILL 5", 6107),
        ("master", "USE nowhere", 911),
        ("master", "CREATE DATABASE orders", 1801),
        ("orders", "CREATE USER alice2 FOR LOGIN alice", 15063),
        ("orders", "CREATE USER alice FOR LOGIN sa", 15023),
        ("orders", "CREATE USER bob FOR LOGIN bob", 15007),
        ("orders", "CREATE USER bob WITH PASSWORD = N'Secret-123'", 33233),
        ("orders", "DROP USER nobody", 15151),
        ("orders", "DROP USER IF EXISTS nobody", 0),
        ("orders", "DROP USER dbo", 15150),
        ("orders", "ALTER ROLE readers ADD MEMBER nobody", 15151),
        ("orders", "ALTER ROLE nowhere ADD MEMBER alice", 15151),
        ("orders", "ALTER ROLE readers ADD MEMBER alice", 0),
        ("orders", "ALTER ROLE readers ADD MEMBER readers", 15413),
        ("orders", "DROP ROLE readers", 15144),
        ("orders", "DROP ROLE db_owner", 15150),
        ("orders", "SELECT * FROM dbo.nothing", 208),
        ("orders", "SELECT nothing FROM sys.schemas", 207),
        ("orders", "EXEC sp_dropextendedproperty @name = N'm', @level0type = N'USER', @level0name = N'alice'", 15217),
        (
            "orders",
            "EXEC sp_addextendedproperty @name = N'm', @value = N'v', @level0type = N'USER', @level0name = N'bob'",
            15135,
        ),
        ("msdb", "EXEC sp_delete_job @job_name = N'none'", 14262),
        ("master", "BEGIN TRAN; CREATE DATABASE x", 226),
        ("master", "ROLLBACK", 3903),
    ] {
        assert_eq!(number(&server, database, sql), expected, "{sql}");
    }
    assert!(server.not_understood().is_empty());
}

#[test]
fn what_an_account_owns_keeps_it() {
    let server = start();
    let cases = [
        (
            "orders",
            "CREATE SCHEMA s AUTHORIZATION alice",
            "DROP USER alice",
            15138,
            "ALTER AUTHORIZATION ON SCHEMA::s TO dbo",
        ),
        (
            "orders",
            "CREATE ROLE r AUTHORIZATION alice",
            "DROP USER alice",
            15421,
            "ALTER AUTHORIZATION ON ROLE::r TO dbo",
        ),
        (
            "orders",
            "ALTER AUTHORIZATION ON OBJECT::dbo.items TO alice",
            "DROP USER alice",
            15183,
            "ALTER AUTHORIZATION ON OBJECT::dbo.items TO SCHEMA OWNER",
        ),
        (
            "orders",
            "GRANT SELECT ON dbo.items TO public AS alice",
            "DROP USER alice",
            15284,
            "REVOKE SELECT ON dbo.items FROM public AS alice",
        ),
        (
            "master",
            "CREATE DATABASE own; ALTER AUTHORIZATION ON DATABASE::own TO alice",
            "DROP LOGIN alice",
            15174,
            "DROP DATABASE own",
        ),
        ("master", "CREATE SERVER ROLE own AUTHORIZATION alice", "DROP LOGIN alice", 15141, "DROP SERVER ROLE own"),
        (
            "master",
            "CREATE ENDPOINT own STATE = STARTED AS TCP (LISTENER_PORT = 1) FOR TSQL (); ALTER AUTHORIZATION ON ENDPOINT::own TO alice",
            "DROP LOGIN alice",
            15141,
            "ALTER AUTHORIZATION ON ENDPOINT::own TO sa",
        ),
        (
            "msdb",
            "EXEC sp_add_job @job_name = N'j', @owner_login_name = N'alice'",
            "DROP LOGIN alice",
            15170,
            "EXEC sp_update_job @job_name = N'j', @owner_login_name = N'sa'",
        ),
        (
            "master",
            "GRANT VIEW SERVER STATE TO public AS alice",
            "DROP LOGIN alice",
            15173,
            "REVOKE VIEW SERVER STATE FROM public AS alice",
        ),
    ];
    for (database, prepare, drop, expected, mend) in cases {
        // The endpoint's settings run to the end of the batch or to a semicolon.
        server.admin(database, prepare).unwrap();
        assert_eq!(number(&server, database, drop), expected, "{prepare}");
        server.admin(database, mend).unwrap();
    }
    // A user does not keep its login, which leaves it behind.
    assert_eq!(number(&server, "master", "DROP LOGIN alice"), 0);
    assert_eq!(column(&server, "orders", "SELECT name FROM sys.database_principals WHERE name = 'alice'"), ["alice"]);
    assert_eq!(number(&server, "orders", "DROP USER alice"), 0);
}

#[test]
fn a_password_may_come_in_the_form_in_which_it_is_kept() {
    let server = start();
    // As SQL Server 2022 keeps it: a version, a salt, SHA-512 of the password in UTF-16 and the salt.
    let kept = "0x0200010203041B11F2C3A37CF62A0D731D1728F9B737E374E4C99C024D8A512F614D49D731A4EF1D87900D317CA316A508BFB471D13FA003AA29494DC53AE9EF3310521040C9";
    assert_eq!(
        number(
            &server,
            "master",
            &format!("CREATE LOGIN h WITH PASSWORD = {kept} HASHED, SID = 0x01010101010101010101010101010101")
        ),
        0
    );
    assert_eq!(number(&server, "master", "CREATE LOGIN i WITH PASSWORD = 0x0200 HASHED"), 15021);
    let sid = "SELECT CONVERT(nvarchar(40), sid, 1) FROM sys.sql_logins WHERE name = N'h'";
    assert_eq!(column(&server, "master", sid), ["0x01010101010101010101010101010101"]);
}

#[test]
fn marks_and_jobs_are_kept_and_go_with_what_they_belong_to() {
    let server = start();
    let mark = "EXEC sp_addextendedproperty @name = N'mayfly', @value = N'ins_1', @level0type = N'USER', @level0name = N'alice'";
    assert_eq!(number(&server, "orders", mark), 0);
    assert_eq!(number(&server, "orders", mark), 15233);
    let marks = "SELECT CAST(p.value AS nvarchar(100)) FROM sys.extended_properties p JOIN sys.database_principals u ON u.principal_id = p.major_id
                 WHERE p.class = 4 AND u.name = N'alice'";
    assert_eq!(column(&server, "orders", marks), ["ins_1"]);
    server.admin("orders", "DROP USER alice").unwrap();
    assert!(column(&server, "orders", "SELECT name FROM sys.extended_properties").is_empty());
    let job = "EXEC sp_add_job @job_name = N'end';
               EXEC sp_add_jobstep @job_name = N'end', @step_name = N'disable', @command = N'ALTER LOGIN alice DISABLE';
               EXEC sp_add_jobschedule @job_name = N'end', @name = N'once', @freq_type = 1, @active_start_date = 20300101, @active_start_time = 0";
    server.admin("msdb", job).unwrap();
    assert!(server.run_job("end").is_err(), "it has no server yet");
    server.admin("msdb", "EXEC sp_add_jobserver @job_name = N'end'").unwrap();
    server.run_job("end").unwrap();
    assert_eq!(column(&server, "master", "SELECT is_disabled FROM sys.sql_logins WHERE name = 'alice'"), ["1"]);
}

#[test]
fn statements_guide_each_other() {
    let server = start();
    for (sql, rows) in [
        ("DECLARE @a int = 2, @b nvarchar(20) = N'x'; SET @a = @a * 3 + 1; SELECT @a, @b + N'y'", &["7"][..]),
        (
            "IF EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'ALICE') SELECT 'yes' ELSE SELECT 'no'",
            &["yes"],
        ),
        ("BEGIN TRY DROP LOGIN nobody END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH", &["15151"]),
        ("DECLARE @n int = 0; WHILE @n < 3 BEGIN SET @n = @n + 1; END; SELECT @n", &["3"]),
        ("EXEC sp_executesql N'SELECT @x WHERE @y = 1', N'@x nvarchar(9), @y int', @x = N'v', @y = 1", &["v"]),
        ("EXEC (N'SELECT ' + N'5')", &["5"]),
        (
            "DECLARE @s sysname; SELECT @s = name FROM sys.databases WHERE name LIKE N'ord%'; SELECT QUOTENAME(@s)",
            &["[orders]"],
        ),
        ("SELECT CASE WHEN GETUTCDATE() < '2020-01-01' THEN 1 ELSE 2 END", &["2"]),
        ("SELECT TOP (2) name FROM sys.databases ORDER BY name DESC", &["tempdb", "orders"]),
        (
            "SELECT d.name FROM sys.databases d LEFT JOIN sys.server_principals p ON p.sid = d.owner_sid AND 1 = 0 WHERE p.name IS NULL AND d.name NOT IN ('a', 'tempdb', 'model', 'msdb', 'master')",
            &["orders"],
        ),
        ("SELECT 'b' UNION ALL SELECT 'a'", &["b", "a"]),
        ("SELECT COUNT(*) FROM (SELECT name FROM sys.databases) AS x", &["5"]),
        ("DECLARE @t TABLE (n int IDENTITY, name sysname); INSERT @t SELECT name FROM sys.databases WHERE database_id < 3; DELETE @t WHERE n = 1; SELECT name FROM @t", &["tempdb"]),
        ("DECLARE @t TABLE (a int); INSERT @t EXEC sp_executesql N'SELECT @x UNION ALL SELECT 2', N'@x int', 1; SELECT a FROM @t AS t ORDER BY t.a DESC", &["2", "1"]),
        ("DECLARE @n sysname, @all nvarchar(max) = N''; DECLARE each CURSOR LOCAL FAST_FORWARD FOR SELECT d.name FROM sys.databases AS d WHERE d.database_id > 3;
          OPEN each; FETCH NEXT FROM each INTO @n; WHILE @@FETCH_STATUS = 0 BEGIN SET @all = @all + @n + N','; FETCH NEXT FROM each INTO @n; END; CLOSE each; DEALLOCATE each; SELECT @all", &["msdb,orders,"]),
        ("WITH up (member, role) AS (SELECT m.member_principal_id, m.role_principal_id FROM sys.server_role_members AS m
          UNION ALL SELECT u.member, m.role_principal_id FROM up AS u JOIN sys.server_role_members AS m ON m.member_principal_id = u.role)
          SELECT COUNT(*) FROM up", &["1"]),
        ("SELECT CONVERT(nvarchar(20), 0x0aff, 1), CASE WHEN N'a' COLLATE Latin1_General_BIN2 = N'A' THEN 1 ELSE 0 END", &["0x0AFF"]),
        ("DECLARE @o int; EXEC orders.sys.sp_executesql N'SET @o = DB_ID()', N'@o int OUTPUT', @o OUTPUT; SELECT @o, DB_NAME()", &["5"]),
        ("DECLARE @r int = 7; BEGIN TRAN; EXEC @r = sys.sp_getapplock @Resource = N'x', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 10; ROLLBACK; SELECT @r", &["0"]),
        ("SELECT DATEDIFF_BIG(MICROSECOND, '19700101', '1970-01-01T00:00:01.500000')", &["1500000"]),
    ] {
        assert_eq!(column(&server, "master", sql), rows, "{sql}");
    }
    let variables = "DECLARE @a int = 1; EXEC (N'SELECT @a')";
    assert_eq!(number(&server, "master", variables), 137, "a text sees no variables");
    assert_eq!(number(&server, "master", "THROW 50001, N'late', 1; CREATE DATABASE never"), 50001);
    assert_eq!(
        number(&server, "master", "SET XACT_ABORT ON; BEGIN TRAN; CREATE SERVER ROLE gone; DROP LOGIN nobody; COMMIT"),
        15151
    );
    assert!(column(&server, "master", "SELECT name FROM sys.server_principals WHERE name = 'gone'").is_empty());
}
