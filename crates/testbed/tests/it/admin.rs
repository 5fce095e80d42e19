//! What the administrator may do and what it may not.

use mayfly_testbed::{Flavour, Login, Postgres, admin, fixtures};
use tokio_postgres::Client;

use crate::start;

/// Lets the administrator in over the Unix socket with its password, which is by SCRAM.
async fn log_in(server: &Postgres, login: &Login, database: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(server.socket_dir()).port(server.port()).dbname(database);
    config.user(&login.user).password(&login.password);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn prepare(flavour: Flavour) -> (Postgres, Login) {
    let server = start(flavour);
    fixtures::create(&server).await.unwrap();
    let login = admin::create(&server, &fixtures::ROLES, &fixtures::DATABASES).await.unwrap();
    (server, login)
}

#[tokio::test]
async fn it_can_do_a_whole_life_cycle() {
    for flavour in Flavour::ALL {
        let (server, login) = prepare(flavour).await;
        let admin = log_in(&server, &login, "orders").await;
        admin.batch_execute("CREATE ROLE keeper_x LOGIN PASSWORD 'x' IN ROLE readonly").await.unwrap();
        let own = Login { user: "keeper_x".to_owned(), password: "x".to_owned() };
        let session = log_in(&server, &own, "orders").await;
        assert_eq!(session.query("SELECT * FROM customers", &[]).await.unwrap().len(), 3);
        assert!(session.batch_execute("DELETE FROM customers").await.is_err());

        admin.batch_execute("ALTER ROLE keeper_x NOLOGIN").await.unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper_x'";
        assert!(admin.query_one(end, &[]).await.unwrap().get::<_, bool>(0));
        admin.batch_execute("DROP ROLE keeper_x").await.unwrap();
    }
}

/// Lets an account that the administrator made create something, and returns the administrator's connection, ready to
/// hand it over.
async fn leave_behind(server: &Postgres, login: &Login, statements: &str) -> Client {
    server.psql(&["-d", "orders", "-c", "CREATE SCHEMA work; GRANT ALL ON SCHEMA work TO readwrite"]).unwrap();
    let admin = log_in(server, login, "orders").await;
    admin.batch_execute("CREATE ROLE keeper_x LOGIN PASSWORD 'x' IN ROLE readwrite").await.unwrap();
    let own = Login { user: "keeper_x".to_owned(), password: "x".to_owned() };
    log_in(server, &own, "orders").await.batch_execute(statements).await.unwrap();
    let member = match server.flavour() {
        Flavour::Debian15 => "GRANT keeper_x TO mayfly_admin",
        Flavour::Newer => "GRANT keeper_x TO mayfly_admin WITH INHERIT TRUE, SET TRUE",
    };
    admin.batch_execute(member).await.unwrap();
    admin
}

#[tokio::test]
async fn it_can_hand_over_what_an_account_owns() {
    let left = "CREATE TABLE work.notes (n int); CREATE VIEW work.seen AS SELECT 1 AS one; \
                CREATE TYPE work.pair AS (a int); CREATE SEQUENCE work.count; SELECT lo_create(99)";
    for flavour in Flavour::ALL {
        let (server, login) = prepare(flavour).await;
        let admin = leave_behind(&server, &login, left).await;
        let graveyard = admin::GRAVEYARD;
        let over = format!("REASSIGN OWNED BY keeper_x TO {graveyard}; DROP OWNED BY keeper_x; DROP ROLE keeper_x");
        admin.batch_execute(&over).await.unwrap();
        let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'notes'";
        assert_eq!(server.psql(&["-d", "orders", "-c", owner]).unwrap(), format!("{graveyard}\n"));
    }
}

#[tokio::test]
async fn it_can_hand_over_a_function_when_the_graveyard_borrows_from_the_account() {
    let left = "CREATE FUNCTION work.f() RETURNS int LANGUAGE sql AS 'SELECT 1'";
    for flavour in Flavour::ALL {
        let (server, login) = prepare(flavour).await;
        let admin = leave_behind(&server, &login, left).await;
        let graveyard = admin::GRAVEYARD;
        let over = format!("REASSIGN OWNED BY keeper_x TO {graveyard}");
        let refused = admin.batch_execute(&over).await.unwrap_err();
        assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));
        let inherit = if flavour.has_membership_options() { " WITH INHERIT TRUE" } else { "" };
        let borrow =
            format!("BEGIN; GRANT keeper_x TO {graveyard}{inherit}; {over}; REVOKE keeper_x FROM {graveyard}; COMMIT");
        admin.batch_execute(&borrow).await.unwrap();
        let owner = "SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'f'";
        assert_eq!(server.psql(&["-d", "orders", "-c", owner]).unwrap(), format!("{graveyard}\n"));
        let members = "SELECT count(*) FROM pg_auth_members WHERE member = 'mayfly_graveyard'::regrole";
        assert_eq!(server.psql(&["-c", members]).unwrap(), "0\n");
    }
}

#[tokio::test]
async fn it_sees_since_when_sessions_of_others_run() {
    for flavour in Flavour::ALL {
        let (server, login) = prepare(flavour).await;
        let _other = server.client("orders").await.unwrap();
        let admin = log_in(&server, &login, "orders").await;
        let hidden = "SELECT count(*) FILTER (WHERE backend_start IS NULL), count(*) FROM pg_stat_activity \
                      WHERE usename = 'postgres' AND backend_type = 'client backend'";
        let row = admin.query_one(hidden, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 1), "{flavour:?}");
    }
}

#[tokio::test]
async fn it_has_no_right_beyond_that() {
    for flavour in Flavour::ALL {
        let (server, login) = prepare(flavour).await;
        server.psql(&["-c", "CREATE ROLE other; CREATE ROLE boss SUPERUSER"]).unwrap();
        let admin = log_in(&server, &login, "orders").await;
        let row = admin.query_one("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user", &[]).await;
        assert_eq!(row.map(|row| (row.get(0), row.get(1))).unwrap(), (false, false));
        for refused in
            ["SELECT * FROM customers", "ALTER ROLE boss NOLOGIN", "CREATE DATABASE x", "SELECT * FROM pg_authid"]
        {
            assert!(admin.batch_execute(refused).await.is_err(), "{refused} on {flavour:?}");
        }
        // From version 16 on, CREATEROLE alone governs only roles of one's own.
        let others = admin.batch_execute("ALTER ROLE other NOLOGIN").await;
        assert_eq!(others.is_err(), flavour.has_membership_options());
    }
}

#[tokio::test]
async fn it_can_be_extended_and_its_password_is_not_in_the_log() {
    for flavour in Flavour::ALL {
        let (server, login) = prepare(flavour).await;
        server.psql(&["-c", "CREATE ROLE auditor"]).unwrap();
        let (one, two) = tokio::join!(
            admin::extend(&server, &["auditor"], &["postgres"]),
            admin::extend(&server, &["auditor"], &[])
        );
        one.and(two).unwrap();
        let admin = log_in(&server, &login, "postgres").await;
        admin.batch_execute("CREATE ROLE keeper_y IN ROLE auditor").await.unwrap();
        assert!(!server.log().unwrap().contains(&login.password));
        assert!(admin::create(&server, &[], &[]).await.is_err(), "a second administrator");
    }
}
