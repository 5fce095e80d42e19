//! The stand-in for SQL Server, tried by clients that are not ours, and its rules one by one.

mod policy;
mod pymssql;
mod tedious;
mod tiberius;
mod tsql;

use std::process::{Command, Output, Stdio};

use mayfly_testbed::SqlServerStandIn;
use mayfly_testbed::sqlserver::Options;

/// A password that the policy of servers accepts.
const PASSWORD: &str = "Secret-123";

/// A stand-in with a database `orders`, and a login `alice` that may read `orders.dbo.items`.
fn start() -> SqlServerStandIn {
    let server = SqlServerStandIn::start(Options::default()).unwrap();
    let setup = format!(
        "CREATE DATABASE orders; CREATE LOGIN alice WITH PASSWORD = N'{PASSWORD}';
         USE orders; CREATE USER alice FOR LOGIN alice; CREATE ROLE readers; ALTER ROLE readers ADD MEMBER alice;
         CREATE TABLE dbo.items (id int NOT NULL, name nvarchar(50)); INSERT INTO dbo.items VALUES (1, N'é'), (2, NULL);
         GRANT SELECT ON dbo.items TO readers;"
    );
    server.admin("master", &setup).unwrap();
    server
}

/// The first column of the rows of a query, as the administrator sees it.
fn column(server: &SqlServerStandIn, database: &str, sql: &str) -> Vec<String> {
    server.admin(database, sql).unwrap().into_iter().map(|row| row[0].clone()).collect()
}

/// Runs a program with this on its standard input. Returns what it wrote.
fn run(mut command: Command, input: &str) -> (Output, String) {
    use std::io::Write as _;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, text)
}
