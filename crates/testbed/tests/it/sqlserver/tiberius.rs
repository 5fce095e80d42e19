//! tiberius, in the strict form: its own TLS would bring another library for cryptography, so it speaks through ours.

use std::sync::Arc;

use ::tiberius::{AuthMethod, Client, Config, EncryptionLevel, error::Error};
use mayfly_testbed::SqlServerStandIn;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::{PASSWORD, start};

type Tiberius = Client<Compat<TlsStream<TcpStream>>>;

/// Logs in.
async fn connect(server: &SqlServerStandIn, user: &str, password: &str, database: &str) -> Result<Tiberius, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.ca().as_bytes()).unwrap()).unwrap();
    let mut tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"tds/8.0".to_vec()];
    let tcp = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.unwrap();
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server(user, password));
    config.encryption(EncryptionLevel::NotSupported);
    config.database(database);
    Client::connect(config, stream.compat_write()).await
}

/// The number of a server's error.
fn number<T>(result: Result<T, Error>) -> Option<u32> {
    result.err().and_then(|error| error.code())
}

#[tokio::test]
async fn it_logs_in_and_changes_roles() {
    let server = start();
    assert_eq!(number(connect(&server, "alice", "wrong", "orders").await), Some(18456));
    // A password that the server was only told the hash of: SHA-512 of `Secret-123` in UTF-16 and of a salt.
    let hashed = "CREATE LOGIN hashed WITH PASSWORD = 0x0200010203041B11F2C3A37CF62A0D731D1728F9B737E374E4C99C024D8A512F614D49D731A4EF1D87900D317CA316A508BFB471D13FA003AA29494DC53AE9EF3310521040C9 HASHED";
    server.admin("master", hashed).unwrap();
    assert!(connect(&server, "hashed", PASSWORD, "master").await.is_ok());
    server.admin("master", "DENY CONNECT SQL TO hashed").unwrap();
    assert_eq!(number(connect(&server, "hashed", PASSWORD, "master").await), Some(18456));
    let mut admin = connect(&server, "sa", server.sa_password(), "orders").await.unwrap();
    let mut alice = connect(&server, "alice", PASSWORD, "orders").await.unwrap();
    let read = "SELECT name FROM dbo.items WHERE id = @P1";
    let rows = alice.query(read, &[&1i32]).await.unwrap().into_first_result().await.unwrap();
    assert_eq!(rows[0].get::<&str, _>(0), Some("é"));
    // A change of roles holds for sessions that are there already.
    admin.simple_query("ALTER ROLE readers DROP MEMBER alice").await.unwrap().into_results().await.unwrap();
    let denied = match alice.query(read, &[&1i32]).await {
        Ok(rows) => number(rows.into_first_result().await),
        Err(error) => error.code(),
    };
    assert_eq!(denied, Some(229));
    let add = "ALTER SERVER ROLE sysadmin ADD MEMBER alice";
    admin.simple_query(add).await.unwrap().into_results().await.unwrap();
    let is =
        alice.simple_query("SELECT IS_SRVROLEMEMBER('sysadmin')").await.unwrap().into_row().await.unwrap().unwrap();
    assert_eq!(is.get::<i32, _>(0), Some(1));
    assert!(server.not_understood().is_empty(), "{:?}", server.not_understood());
}

#[tokio::test]
async fn it_is_cut_by_a_kill_while_it_waits() {
    let server = start();
    let mut admin = connect(&server, "sa", server.sa_password(), "master").await.unwrap();
    let mut alice = connect(&server, "alice", PASSWORD, "orders").await.unwrap();
    let spid: i16 = {
        let row = alice.simple_query("SELECT @@SPID").await.unwrap().into_row().await.unwrap().unwrap();
        row.get(0).unwrap()
    };
    let waiting = tokio::spawn(async move {
        match alice.simple_query("WAITFOR DELAY '00:10:00'").await {
            Ok(stream) => stream.into_results().await.is_err(),
            Err(_) => true,
        }
    });
    let drop_login = "DROP LOGIN alice";
    let refused = match admin.simple_query(drop_login).await {
        Ok(stream) => number(stream.into_results().await),
        Err(error) => error.code(),
    };
    assert_eq!(refused, Some(15434));
    admin.simple_query(format!("KILL {spid}")).await.unwrap().into_results().await.unwrap();
    assert!(waiting.await.unwrap(), "it was not cut");
    let left = "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE login_name = 'alice'";
    loop {
        let row = admin.simple_query(left).await.unwrap().into_row().await.unwrap().unwrap();
        if row.get::<i32, _>(0) == Some(0) {
            break;
        }
    }
    admin.simple_query("USE orders; DROP USER alice; USE master").await.unwrap().into_results().await.unwrap();
    admin.simple_query(drop_login).await.unwrap().into_results().await.unwrap();
    assert_eq!(number(connect(&server, "alice", PASSWORD, "orders").await), Some(18456));
}
