//! Servers of a whole run, and what is left when their starter is killed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use mayfly_testbed::Flavour;
use mayfly_testbed::shared::SharedPostgres;

use crate::eventually;

#[tokio::test]
async fn a_process_has_one_server_of_a_flavour() {
    let first = mayfly_testbed::shared::postgres(Flavour::Debian15).unwrap();
    let second = mayfly_testbed::shared::postgres(Flavour::Debian15).unwrap();
    assert!(std::ptr::eq(first, second));
    let client = first.client("orders").await.unwrap();
    assert_eq!(first.admin().user, mayfly_testbed::admin::ADMIN);
    let row = client.query_one("SELECT count(*) FROM orders", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 5);
}

#[test]
fn servers_of_a_run_are_found_by_their_state_file_and_die_with_their_starter() {
    let mut starter = Command::new(env!("CARGO_BIN_EXE_mayfly-testbed"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut path = String::new();
    BufReader::new(starter.stdout.take().unwrap()).read_line(&mut path).unwrap();
    let path = Path::new(path.trim_end());
    let state: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let servers: Vec<SharedPostgres> = serde_json::from_value(state["postgres"].clone()).unwrap();
    assert_eq!(servers.iter().map(|server| server.flavour()).collect::<Vec<_>>(), Flavour::ALL);
    for server in &servers {
        assert_eq!(server.admin().user, "mayfly_admin");
        assert_eq!(server.psql(&["-d", "billing", "-c", "SELECT count(*) FROM invoices"]).unwrap(), "3\n");
    }

    // SIGKILL: no destructor runs.
    starter.kill().unwrap();
    starter.wait().unwrap();
    for server in &servers {
        eventually("the end of a server", || !server.socket_dir().exists());
        assert!(server.psql(&["-c", "SELECT 1"]).is_err());
        assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_err());
    }
    eventually("the removal of the state file", || !path.exists());
}
