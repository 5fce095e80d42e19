//! MariaDB and MySQL servers, their fixtures and their snapshots.

use mayfly_testbed::mysql::{Flavour, Mysql, Options, fixtures, pool, skip, snapshot};
use mayfly_testbed::postgres::Login;
use mayfly_testbed::snapshot::diff;

use crate::eventually;

/// The flavours that can be had here.
fn flavours() -> impl Iterator<Item = Flavour> {
    Flavour::ALL.into_iter().filter(|flavour| skip::can_run(*flavour))
}

#[test]
fn a_server_has_a_password_tls_and_its_fixtures_and_leaves_nothing() {
    for flavour in flavours() {
        let lent = pool::own(Options::new(flavour)).unwrap();
        assert_eq!(lent.sql("orders", "SELECT COUNT(*) FROM orders").unwrap(), "5", "{flavour:?}");
        let mut admin = lent.session(lent.admin(), "").unwrap();
        assert_eq!(admin.ask("SHOW STATUS LIKE 'Ssl_version'").unwrap().len(), 1);
        let cipher = admin.ask("SHOW STATUS LIKE 'Ssl_cipher'").unwrap();
        assert!(cipher[0].len() > "Ssl_cipher\t".len(), "no TLS: {cipher:?}");
        let wrong = Login { password: "wrong".to_owned(), ..lent.admin().clone() };
        let refused = lent.session(&wrong, "").unwrap_err().to_string();
        assert!(refused.contains("1045"), "{refused}");
        let empty = Login { password: String::new(), ..lent.root().clone() };
        assert!(lent.session(&empty, "").unwrap_err().to_string().contains("1045"));
        let log = lent.log().unwrap();
        assert!(log.contains("SELECT COUNT(*) FROM orders"));
        assert!(!log.contains(&lent.admin().password) && !log.contains(&lent.root().password));
        let socket = lent.socket();
        drop(lent);
        eventually("the end of the server", || !socket.exists());
        assert!(!admin.is_alive());
    }
}

#[test]
fn a_killed_server_comes_back_with_what_it_had_acknowledged() {
    for flavour in flavours() {
        let server = Mysql::start(Options::new(flavour)).unwrap();
        server.sql("", "CREATE USER 'kept'@'127.0.0.1'").unwrap();
        server.kill_9().unwrap();
        server.sql("", "SELECT 1").unwrap_err();
        server.restart().unwrap();
        assert_eq!(server.sql("", "SELECT COUNT(*) FROM mysql.user WHERE User = 'kept'").unwrap(), "1");
    }
}

#[test]
fn a_session_tells_errors_from_its_own_end() {
    for flavour in flavours() {
        let lent = pool::fresh(flavour).unwrap();
        let mut session = lent.session(lent.root(), "orders").unwrap();
        assert_eq!(session.ask("SELECT 1; SELECT 2").unwrap(), ["1", "2"]);
        assert!(session.ask("SELECT * FROM nothing").unwrap_err().to_string().contains("1146"));
        assert_eq!(session.ask("SELECT name FROM customers ORDER BY id").unwrap(), ["Ada", "Grace", "Edsger"]);
        let id = session.id().unwrap();
        assert!(snapshot::sessions(&lent, "root").unwrap().contains(&id));
        lent.sql("", &format!("KILL {id}")).unwrap();
        assert!(!session.is_alive(), "{flavour:?}");
        eventually("the end of the session", || !snapshot::sessions(&lent, "root").unwrap().contains(&id));
    }
}

#[test]
fn a_snapshot_notices_every_kind_of_thing_that_is_left_and_the_pool_takes_it_away() {
    for flavour in flavours() {
        let lent = pool::fresh(flavour).unwrap();
        let before = snapshot::take(&lent).unwrap();
        assert_eq!(snapshot::take(&lent).unwrap(), before);
        for (what, sql) in [
            ("account", "CREATE USER 'x'@'10.0.0.1'"),
            ("role", "CREATE ROLE leftover"),
            ("edge", "GRANT readonly TO 'x'@'10.0.0.1'"),
            ("lock", "ALTER USER 'x'@'10.0.0.1' ACCOUNT LOCK"),
            ("grant", "GRANT SELECT ON orders.orders TO 'x'@'10.0.0.1'"),
            ("global", "GRANT PROCESS ON *.* TO 'x'@'10.0.0.1'"),
            ("view", "CREATE DEFINER = 'x'@'10.0.0.1' VIEW orders.v AS SELECT 1"),
            ("procedure", "CREATE DEFINER = 'x'@'10.0.0.1' PROCEDURE orders.p() SELECT 1"),
            ("trigger", "CREATE TRIGGER orders.t BEFORE INSERT ON orders.orders FOR EACH ROW SET @x = 1"),
            ("event", "CREATE EVENT mysql.e ON SCHEDULE AT '2037-01-01 00:00:00' DO SELECT 1"),
            ("table", "CREATE TABLE billing.left_over (a int)"),
            ("xa", "XA START 'gone'; INSERT INTO billing.left_over VALUES (1); XA END 'gone'; XA PREPARE 'gone'"),
        ] {
            let earlier = snapshot::take(&lent).unwrap();
            lent.sql("", sql).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_ne!(diff(&earlier, &snapshot::take(&lent).unwrap()), "", "{what} is not noticed by {flavour:?}");
        }
        let port = lent.port();
        drop(lent);
        let again = pool::fresh(flavour).unwrap();
        assert_eq!(again.port(), port, "what was left could not be taken away");
        assert_eq!(diff(&before, &snapshot::take(&again).unwrap()), "");
    }
}

#[test]
fn the_administrator_has_what_it_needs_and_no_more() {
    for flavour in flavours() {
        let lent = pool::fresh(flavour).unwrap();
        let mut admin = lent.session(lent.admin(), "").unwrap();
        admin.ask("CREATE USER 'x'@'127.0.0.1' IDENTIFIED BY 'secret'").unwrap();
        admin.ask("GRANT readonly TO 'x'@'127.0.0.1'").unwrap();
        admin
            .ask("CREATE EVENT mysql.x ON SCHEDULE AT '2037-01-01 00:00:00' DO ALTER USER 'x'@'127.0.0.1' ACCOUNT LOCK")
            .unwrap();
        let mut session = lent.session(&Login { user: "x".to_owned(), password: "secret".to_owned() }, "").unwrap();
        let id = session.id().unwrap();
        admin.ask(&format!("KILL {id}")).unwrap();
        assert!(!session.is_alive());
        admin.ask("DROP EVENT mysql.x; DROP USER 'x'@'127.0.0.1'").unwrap();
        for (what, sql) in [
            ("a right that it has not", "GRANT INSERT ON orders.* TO 'mayfly_admin'@'127.0.0.1'"),
            ("data", "DELETE FROM orders.orders"),
            ("another role", "GRANT root TO 'mayfly_admin'@'127.0.0.1'"),
        ] {
            assert!(admin.ask(sql).is_err(), "{flavour:?}: {what}");
        }
        assert_eq!(lent.admin().user, fixtures::ADMIN);
    }
}
