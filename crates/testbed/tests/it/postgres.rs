//! Starting and mistreating PostgreSQL.

use std::path::Path;
use std::process::{Command, Output};

use mayfly_testbed::{Flavour, Login, Options, Postgres, PostgresHandle};

use crate::{eventually, start};

/// Logs in over TCP with the real client, verifying the certificate and the host's name.
pub(crate) fn psql_tcp(host: &str, port: u16, ca: &Path, login: &Login, mode: &str, query: &str) -> Output {
    let connection = format!("host={host} port={port} dbname=postgres sslmode={mode} connect_timeout=5");
    Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-c", query, "-d", &connection])
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", &login.password)
        .env("PGSSLROOTCERT", ca)
        .output()
        .unwrap()
}

fn over_tcp(server: &PostgresHandle, host: &str, mode: &str, query: &str) -> Output {
    psql_tcp(host, server.port(), &server.ca_path(), server.superuser(), mode, query)
}

#[test]
fn both_flavours_start_with_what_was_asked_for() {
    for flavour in Flavour::ALL {
        let mut options = Options::new(flavour);
        options.max_connections = 37;
        let server = Postgres::start(options).unwrap();
        let query = "SELECT current_setting('server_version_num')::int / 10000, current_setting('max_connections'), \
                     current_setting('max_prepared_transactions'), current_setting('fsync'), \
                     current_setting('password_encryption')";
        let expected = format!("{}|37|10|on|scram-sha-256\n", flavour.major());
        assert_eq!(server.psql(&["-c", query]).unwrap(), expected);
        assert!(server.log().unwrap().contains("max_prepared_transactions"), "statements are logged");
        assert!(server.data_dir().join("PG_VERSION").exists());
    }
}

#[test]
fn tcp_wants_tls_with_a_verified_certificate_and_a_password() {
    for flavour in Flavour::ALL {
        let server = start(flavour);
        for host in ["localhost", "127.0.0.1"] {
            let done =
                over_tcp(&server, host, "verify-full", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
            assert_eq!(String::from_utf8_lossy(&done.stdout), "t\n", "{done:?}");
        }
        assert!(!over_tcp(&server, "127.0.0.1", "disable", "SELECT 1").status.success());
        let wrong = Login { user: "postgres".to_owned(), password: "wrong".to_owned() };
        let done = psql_tcp("127.0.0.1", server.port(), &server.ca_path(), &wrong, "verify-full", "SELECT 1");
        assert!(String::from_utf8_lossy(&done.stderr).contains("password authentication failed"), "{done:?}");
    }
}

#[test]
fn dropping_a_server_leaves_nothing() {
    let server = start(Flavour::Debian15);
    let (directory, pid) = (server.socket_dir().to_owned(), server.pid().unwrap());
    assert!(directory.file_name().unwrap().to_string_lossy().starts_with("mayfly-"));
    drop(server);
    assert!(!directory.exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn a_stopped_server_comes_back_with_port_and_data() {
    for flavour in Flavour::ALL {
        let server = start(flavour);
        server.create_database("a \"b\"").await.unwrap();
        let port = server.port();
        server.stop_fast().unwrap();
        assert!(server.client("postgres").await.is_err());
        assert!(server.stop_fast().is_err(), "a stopped server cannot be stopped");
        server.restart().unwrap();
        assert_eq!(server.port(), port);
        assert!(server.client("a \"b\"").await.is_ok());
    }
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_it_had_acknowledged() {
    let server = Postgres::start(Options::new(Flavour::Newer)).unwrap();
    let client = server.client("postgres").await.unwrap();
    client.batch_execute("CREATE ROLE kept").await.unwrap();
    server.kill_9().unwrap();
    assert!(client.batch_execute("SELECT 1").await.is_err());
    server.restart().unwrap();
    assert_eq!(server.psql(&["-c", "SELECT 1 FROM pg_roles WHERE rolname = 'kept'"]).unwrap(), "1\n");
    assert!(server.log().unwrap().contains("not properly shut down"));
}

#[tokio::test]
async fn a_paused_server_answers_nobody_new_and_then_everybody() {
    let server = start(Flavour::Debian15);
    let old = server.client("postgres").await.unwrap();
    server.pause().unwrap();
    old.batch_execute("SELECT 1").await.unwrap();
    let refused = over_tcp(&server, "127.0.0.1", "verify-full", "SELECT 1");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("timeout"), "{refused:?}");
    server.resume().unwrap();
    assert!(over_tcp(&server, "127.0.0.1", "verify-full", "SELECT 1").status.success());
    server.pause().unwrap();
    let directory = server.socket_dir().to_owned();
    drop(server);
    assert!(!directory.exists(), "a paused server can be dropped");
}

#[test]
fn access_rules_can_be_replaced() {
    let server = start(Flavour::Newer);
    assert!(over_tcp(&server, "127.0.0.1", "verify-full", "SELECT 1").status.success());
    server.set_hba("local all postgres trust\nhost all all 127.0.0.1/32 reject\n").unwrap();
    assert!(!over_tcp(&server, "127.0.0.1", "verify-full", "SELECT 1").status.success());
    server.set_hba(PostgresHandle::default_hba()).unwrap();
    assert!(over_tcp(&server, "127.0.0.1", "verify-full", "SELECT 1").status.success());
    let refused = server.set_hba("local all postgres trust\nnonsense\n").unwrap_err();
    assert!(refused.to_string().contains("not understood"), "{refused}");
}

#[test]
fn a_start_that_fails_says_why() {
    let mut options = Options::new(Flavour::Debian15);
    options.max_connections = 1;
    let text = Postgres::start(options).unwrap_err().to_string();
    assert!(text.contains("superuser_reserved_connections"), "{text}");
}

#[test]
fn psql_fails_with_its_own_words() {
    let server = start(Flavour::Debian15);
    let text = server.psql(&["-c", "SELECT nothing"]).unwrap_err().to_string();
    assert!(text.contains("column \"nothing\" does not exist"), "{text}");
    eventually("the error in the log", || server.log().unwrap().contains("SELECT nothing"));
}
