//! Clients that are not ours, run as programs through the broker.

use std::process::{Command, Output, Stdio};

use mayfly_testbed::sqlclients;
use tokio::io::AsyncWriteExt;

use super::gateway::Gateway;
use crate::{
    door::{SECRET, USER},
    gateway::DEADLINE,
};

/// What a program wrote that was given this on its standard input.
pub(super) async fn run(command: Command, input: &str) -> (Output, String) {
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that ends early does not read it all.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.expect("it ends in time").unwrap();
    let text = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, text)
}

/// FreeTDS's `tsql` with a verified certificate.
pub(super) async fn tsql(
    gateway: &Gateway,
    login: (&str, &str),
    database: &str,
    version: &str,
    script: &str,
) -> String {
    let directory = tempfile::tempdir_in(gateway.directory.path()).unwrap();
    let command = sqlclients::tsql(&gateway.server(), directory.path(), login, database, version).unwrap();
    run(command, script).await.1
}

/// A script of Python with `connect()` at hand. What it prints.
pub(super) async fn python(gateway: &Gateway, script: &str) -> String {
    let head = format!(
        "import pymssql
def connect(user='{USER}', password='{SECRET}', **more):
    return pymssql.connect(server='localhost', port='{}', user=user, password=password, encryption='require', autocommit=True, **more)
",
        gateway.port
    );
    let command = sqlclients::pymssql(&(head + script)).unwrap();
    let (output, text) = run(command, "").await;
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

/// A script of Node.js with `open(user, secret, options)` at hand, which gives `run(sql, parameters)` and `connection`. What it
/// prints.
pub(super) async fn node(gateway: &Gateway, script: &str) -> String {
    let head = r"
const { Connection, Request, TYPES } = require('tedious');
const fs = require('fs');
const [port, ca, user, secret] = process.argv.slice(1).filter(a => a !== '--');
const open = (options, login = { userName: user, password: secret }) => new Promise((resolve, reject) => {
  const connection = new Connection({ server: 'localhost', options: { port: +port, encrypt: true, trustServerCertificate: false,
    serverName: 'localhost', cryptoCredentialsDetails: { ca: fs.readFileSync(ca) }, ...options },
    authentication: { type: 'default', options: login } });
  connection.on('error', () => {});
  const run = (sql, parameters = []) => new Promise((resolve, reject) => {
    const rows = [];
    const request = new Request(sql, error => error ? reject(error) : resolve(rows));
    parameters.forEach(([name, type, value]) => request.addParameter(name, type, value));
    request.on('row', row => rows.push(row.map(column => column.value)));
    connection.execSql(request);
  });
  connection.connect(error => error ? reject(error) : resolve({ run, connection }));
});
const show = x => console.log(JSON.stringify(x));
";
    let script =
        format!("{head}(async () => {{ {script} }})().catch(e => {{ console.log('failed', e); process.exit(1); }});");
    let server = gateway.server();
    let (port, ca) = (server.port.to_string(), server.ca.display().to_string());
    let command = sqlclients::tedious(&script, &[&port, &ca, USER, SECRET]).unwrap();
    let (output, text) = run(command, "").await;
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}
