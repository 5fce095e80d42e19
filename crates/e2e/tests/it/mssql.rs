//! Sessions on SQL Server, end to end: the real binary between FreeTDS's client and the testbed's stand-in, which is not the
//! product. What is asserted is read on the target.

use mayfly_e2e::{Installation, objects, wait};
use mayfly_testbed::{SqlServerStandIn, sqlclients, sqlserver::Options};
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// The log-ins that are not the server's own or ours to begin with.
const LOGINS: &str = "SELECT name FROM sys.sql_logins WHERE name NOT IN (N'sa', N'mayfly_admin', N'app') ORDER BY name";

/// A stand-in with a database `orders`, its table, a role that may read it, and an existing log-in.
fn target() -> SqlServerStandIn {
    let server = SqlServerStandIn::start(Options::default()).unwrap();
    let setup = "CREATE DATABASE orders; CREATE LOGIN mayfly_admin WITH PASSWORD = N'Admin-12345';
        ALTER SERVER ROLE sysadmin ADD MEMBER mayfly_admin; CREATE LOGIN app WITH PASSWORD = N'App-12345';
        USE orders; CREATE ROLE readers; CREATE USER app FOR LOGIN app;
        CREATE TABLE dbo.items (id int, name nvarchar(20)); INSERT INTO dbo.items VALUES (1, N'é');
        GRANT SELECT ON dbo.items TO readers";
    server.admin("master", setup).unwrap();
    server
}

/// The objects: a record of accounts of their own, and one that lifts `app`.
fn apply(installation: &Installation, server: &SqlServerStandIn) {
    let mut yaml = objects::person(installation, "alice", &["orders", "lifted"], false).unwrap();
    for (name, jit, more) in [
        ("orders", "create_ephemeral: true", "  databases: orders/readers\n"),
        (
            "lifted",
            "launch: app-login\n    elevate: true\n    elevation_method: role\n    elevation_string: orders/readers",
            "",
        ),
    ] {
        yaml.push_str(&format!(
            "---\nkind: Database\nname: {name}\nspec:\n  database_type: mssql\n  host: localhost\n  \
             tls: {{mode: verify_full, ca: {{file: {ca}}}}}\n  default_database: orders\n{more}  \
             rotation: {{administrative: {name}-admin, port: {port}}}\n  connection: {{protocol: mssql, port: {port}}}\n  \
             jit:\n    {jit}\n  session: {{duration: 10m, linger: 1s}}\n\
             ---\nkind: User\nname: {name}-admin\nspec:\n  login: mayfly_admin\n  resource: {name}\n",
            ca = server.ca_path().display(),
            port = server.port(),
        ));
    }
    yaml.push_str("---\nkind: User\nname: app-login\nspec:\n  login: app\n  resource: lifted\n");
    installation.must(&["apply", "-f", "-"], &yaml).unwrap();
    for (name, secret) in [("orders-admin", "Admin-12345"), ("lifted-admin", "Admin-12345"), ("app-login", "App-12345")]
    {
        installation.must(&["secret", "set", name, "--secret-file", "-"], secret).unwrap();
    }
}

/// What `tsql` says to a script, with what `connect` gives for a record.
fn tsql(installation: &Installation, record: &str, script: &str) -> String {
    let arguments = ["-o", "json", "connect", record, "--person", "alice", "--password-file", "-"];
    let answer = installation.must(&arguments, &format!("{}\n", objects::PASSWORD)).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert!(answer["uri"].as_str().unwrap().starts_with("sqlserver://alice~"), "{answer}");
    let server = sqlclients::Server {
        host: answer["host"].as_str().unwrap().to_owned(),
        port: u16::try_from(answer["port"].as_u64().unwrap()).unwrap(),
        ca: installation.ca(),
    };
    let login = (answer["user"].as_str().unwrap(), answer["secret"].as_str().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut command = sqlclients::tsql(&server, directory.path(), login, "", "7.4").unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn accounts_live_for_one_session_and_lifted_ones_are_let_down() {
    let server = target();
    let installation = Installation::init().unwrap();
    let _running = installation.start().unwrap();
    apply(&installation, &server);

    let said = tsql(&installation, "orders", "SELECT SUSER_SNAME(), DB_NAME(), name FROM dbo.items\nGO\n");
    assert!(said.contains("keeper_") && said.contains("\torders\té"), "{said}\n{}", installation.log());
    let said = tsql(&installation, "lifted", "SELECT SUSER_SNAME(), name FROM dbo.items\nGO\n");
    assert!(said.contains("app\té"), "{said}\n{}", installation.log());

    let gone = || {
        let members = "SELECT member_principal_id FROM sys.database_role_members WHERE role_principal_id = DATABASE_PRINCIPAL_ID(N'readers')";
        let users = "SELECT name FROM sys.database_principals WHERE name LIKE N'keeper[_]%'";
        Ok(server.admin("master", LOGINS)?.is_empty()
            && server.admin("orders", members)?.is_empty()
            && server.admin("orders", users)?.is_empty()
            && server.admin("master", users)?.is_empty()
            && installation.sessions()?.is_empty()
            && installation.owed()?.is_empty())
    };
    wait::until("the target is as it was", LIMIT, gone)
        .unwrap_or_else(|error| panic!("{error}\n{}", installation.log()));
    assert_eq!(server.admin("master", "SELECT name FROM sys.sql_logins WHERE name = N'app'").unwrap(), [["app"]]);
    assert!(server.not_understood().is_empty(), "{:?}", server.not_understood());
}
