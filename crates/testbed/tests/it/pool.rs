//! Servers that are lent to one test after the other.

use mayfly_testbed::{Flavour, pool, snapshot};

/// Something of each kind that a test may leave, in the databases of the fixtures and elsewhere.
const LEFT: &[(&str, &str)] = &[
    (
        "postgres",
        "CREATE ROLE \"left \"\"over\" LOGIN; GRANT readonly TO \"left \"\"over\"; COMMENT ON ROLE readonly IS 'x'",
    ),
    ("postgres", "COMMENT ON ROLE readonly IS NULL; GRANT CONNECT ON DATABASE postgres TO \"left \"\"over\""),
    ("postgres", "CREATE SCHEMA AUTHORIZATION \"left \"\"over\""),
    ("postgres", "CREATE DATABASE \"left; database\" OWNER \"left \"\"over\""),
    ("orders", "CREATE TABLE left_table (n int); INSERT INTO customers (name) VALUES ('left')"),
    ("billing", "BEGIN; CREATE TABLE left_pending (n int); PREPARE TRANSACTION 'it''s left'"),
];

#[tokio::test]
async fn a_server_comes_back_as_if_it_were_new() {
    for flavour in Flavour::ALL {
        let server = pool::fresh(flavour).await.unwrap();
        let (port, before) = (server.port(), snapshot::take(&server).await.unwrap());
        for (database, statements) in LEFT {
            server.client(database).await.unwrap().batch_execute(statements).await.unwrap();
        }
        let session = server.client("orders").await.unwrap();
        assert_ne!(snapshot::take(&server).await.unwrap(), before);
        drop(server);

        let server = pool::fresh(flavour).await.unwrap();
        assert_eq!(server.port(), port, "{flavour:?}: another server");
        session.query("SELECT 1", &[]).await.unwrap_err();
        // The databases are new, and some things in them have numbers in their names.
        let named = |text: &str| {
            let lines =
                text.lines().filter(|line| !line.contains("pg_toast_") && !line.contains("RI_ConstraintTrigger_"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let diff = snapshot::diff(&named(&before), &named(&snapshot::take(&server).await.unwrap()));
        assert_eq!(diff, "", "{flavour:?}");
        let customers = "SELECT count(*) FROM customers";
        assert_eq!(server.psql(&["-d", "orders", "-c", customers]).unwrap(), "3\n");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_cleaned_is_not_lent_again() {
    let server = pool::fresh(Flavour::Debian15).await.unwrap();
    let gone = server.socket_dir().to_owned();
    server.psql(&["-c", "ALTER ROLE mayfly_admin SUPERUSER"]).unwrap();
    drop(server);
    let mut others = Vec::new();
    // Other tests of this process may have given servers back too.
    while gone.exists() {
        others.push(pool::fresh(Flavour::Debian15).await.unwrap());
        assert_ne!(others.last().unwrap().socket_dir(), gone);
    }
}

#[tokio::test]
async fn a_server_that_is_in_use_or_ones_own_is_nobody_elses() {
    let flavour = Flavour::Newer;
    let (first, second) = (pool::used(flavour).await.unwrap(), pool::used(flavour).await.unwrap());
    let own = pool::own(flavour).await.unwrap();
    let ports = std::collections::BTreeSet::from([first.port(), second.port(), own.port()]);
    assert_eq!(ports.len(), 3);
    let directory = own.socket_dir().to_owned();
    drop(own);
    assert!(!directory.exists());
}
