//! FreeTDS, with TLS that it verifies.

use mayfly_testbed::{SqlServerStandIn, sqlclients};

use super::{PASSWORD, column, run, start};

/// What `tsql` says to a script.
fn tsql(server: &SqlServerStandIn, login: (&str, &str), database: &str, version: &str, script: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let command = sqlclients::tsql(&server.server(), directory.path(), login, database, version).unwrap();
    run(command, script).1
}

#[test]
fn it_logs_in_reads_and_is_told_what_is_wrong() {
    let server = start();
    for version in ["7.1", "7.2", "7.3", "7.4"] {
        let script = "SELECT id, name FROM dbo.items ORDER BY id DESC\nGO\nSELECT suser_sname(), db_name()\nGO\n";
        let said = tsql(&server, ("alice", PASSWORD), "orders", version, script);
        assert!(said.contains("2\tNULL\n1\té\n") && said.contains("alice\torders"), "{version}: {said}");
        let said = tsql(&server, ("alice", "wrong"), "orders", version, "SELECT 1\nGO\n");
        assert!(said.contains("Msg 18456") && said.contains("Login failed for user 'alice'."), "{version}: {said}");
        let said =
            tsql(&server, ("alice", PASSWORD), "", version, "CREATE LOGIN bob WITH PASSWORD = N'Secret-123'\nGO\n");
        assert!(said.contains("Msg 15247"), "{version}: {said}");
    }
    server.admin("master", "ALTER LOGIN alice DISABLE").unwrap();
    let said = tsql(&server, ("alice", PASSWORD), "orders", "7.4", "SELECT 1\nGO\n");
    assert!(said.contains("Msg 18470"), "{said}");
    let said = tsql(&server, ("alice", "wrong"), "orders", "7.4", "SELECT 1\nGO\n");
    assert!(said.contains("Msg 18456"), "{said}");
    let said = tsql(&server, ("sa", server.sa_password()), "nowhere", "7.4", "SELECT 1\nGO\n");
    assert!(said.contains("Msg 4060") || said.contains("Msg 911"), "{said}");
}

#[test]
fn it_makes_and_drops_accounts() {
    let server = start();
    let script = "CREATE LOGIN [a]]b'] WITH PASSWORD = N'Secret-123', DEFAULT_DATABASE = [orders]\nGO\n\
                  USE orders\nGO\nCREATE USER [a]]b'] FOR LOGIN [a]]b']\nALTER ROLE readers ADD MEMBER [a]]b']\nGO\n";
    let said = tsql(&server, ("sa", server.sa_password()), "", "7.4", script);
    assert!(!said.contains("Msg"), "{said}");
    let members = "SELECT m.name FROM sys.database_role_members AS rm JOIN sys.database_principals AS m ON m.principal_id = rm.member_principal_id
                   WHERE rm.role_principal_id = DATABASE_PRINCIPAL_ID('readers') ORDER BY m.name";
    assert_eq!(column(&server, "orders", members), ["a]b'", "alice"]);
    let script = "USE orders\nGO\nDROP USER [a]]b']\nGO\nDROP LOGIN [a]]b']\nGO\nDROP LOGIN [a]]b']\nGO\n";
    let said = tsql(&server, ("sa", server.sa_password()), "", "7.4", script);
    assert!(said.contains("Msg 15151") && said.matches("Msg").count() == 1, "{said}");
    assert!(server.not_understood().is_empty());
}

#[test]
fn what_is_not_understood_is_said_loudly() {
    let server = start();
    let script = "MERGE INTO x USING y ON 1 = 1\nGO\nSELECT * FROM sys.dm_os_wait_stats\nGO\nBEGIN TRY SELECT frobnicate(1) END TRY BEGIN CATCH SELECT 1 END CATCH\nGO\n";
    let said = tsql(&server, ("sa", server.sa_password()), "", "7.4", script);
    assert_eq!(said.matches("Msg 59999").count(), 3, "{said}");
    assert!(
        said.contains("MERGE INTO x") && said.contains("dm_os_wait_stats") && said.contains("FROBNICATE"),
        "{said}"
    );
    assert_eq!(server.not_understood().len(), 3);
}
