//! PgBouncer before a real server.

use mayfly_testbed::{Flavour, PgBouncer, PoolMode};

use crate::postgres::psql_tcp;
use crate::start;

#[test]
fn both_modes_pass_queries_with_tls_on_both_legs() {
    for (flavour, mode) in [(Flavour::Debian15, PoolMode::Session), (Flavour::Newer, PoolMode::Transaction)] {
        let server = start(flavour);
        let login = server.superuser().clone();
        let bouncer = PgBouncer::start(&server, mode, std::slice::from_ref(&login), 5).unwrap();
        let ca = bouncer.ca_path().unwrap();
        let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let done = psql_tcp("localhost", bouncer.port(), &ca, &login, "verify-full", query);
        assert_eq!(String::from_utf8_lossy(&done.stdout), "t\n", "{done:?}");
        assert!(!psql_tcp("localhost", bouncer.port(), &ca, &login, "disable", query).status.success());
        let port = bouncer.port();
        drop(bouncer);
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
