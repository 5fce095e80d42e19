//! What an account leaves behind: views, routines, triggers and events of which it is the definer.

use super::rig::{As, Rig, all, blocking};
use mayfly_engine::ports::provider::{CloseVerb, Presence};
use mayfly_testbed::mysql::{Flavour, fixtures, snapshot};
use mayfly_testbed::snapshot::diff;
use serde_json::json;

/// Lets whoever is lifted into `maker` define things, and somebody else use them.
fn prepare(rig: &Rig) {
    rig.sql(
        "CREATE ROLE maker; GRANT SELECT, INSERT, UPDATE, CREATE VIEW, TRIGGER, EVENT, CREATE ROUTINE, ALTER ROUTINE, EXECUTE \
         ON orders.* TO maker; \
         CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'r'; GRANT SELECT, INSERT ON orders.* TO 'reader'@'127.0.0.1'",
    );
    fixtures::lend(rig, "maker").unwrap();
    // On MariaDB only the owner of a trigger's rights makes functions while the binary log is on, which it is not here.
    if rig.flavour() == Flavour::MySql {
        rig.sql("SET GLOBAL log_bin_trust_function_creators = ON");
    }
}

/// One of each kind, with text in it that would do something if it were taken for statements.
const THINGS: &str = "USE orders;
    CREATE VIEW v AS SELECT name, 'it''s; DROP TABLE orders.orders; -- \\\\' AS text FROM customers;
    CREATE PROCEDURE p() SQL SECURITY DEFINER SELECT COUNT(*), 'it''s; DROP TABLE orders.orders; -- ' FROM customers;
    CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 42;
    CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.item = UPPER(NEW.item);
    CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO DELETE FROM orders.orders";

#[tokio::test]
async fn the_graveyard_takes_what_was_defined_and_no_trigger_is_orphaned() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig);
        let before = snapshot::take(&rig).unwrap();
        let (mut change, _) = rig.open(&rig.create(Some("maker"), json!({}))).await;
        let mut session = rig.log_in(&change, "").await.unwrap();
        let session = blocking(move || {
            session.ask(THINGS).unwrap();
            session
        })
        .await;
        rig.sql("GRANT EXECUTE ON PROCEDURE orders.p TO 'reader'@'127.0.0.1'");
        let report = rig.remove(&mut change).await;
        drop(session);
        assert_eq!(report.len(), 5, "{report:#?}");
        assert!(report.iter().any(|line| line.starts_with("trigger") && line.contains("UPPER")), "{report:#?}");
        let left = diff(&before, &snapshot::take(&rig).unwrap());
        assert!(!left.contains(change.name()), "{flavour:?} {as_whom:?}: {left}");
        for part in [
            "view\torders\tv\tmayfly_graveyard@localhost\tINVOKER",
            "DISABLED",
            "p\tPROCEDURE\tmayfly_graveyard@localhost\tINVOKER",
        ] {
            assert!(left.contains(part), "{flavour:?} {as_whom:?}: {part}: {left}");
        }
        // Only who may pass on a right can give it again.
        let lost = report.iter().find_map(|line| line.split("until: ").nth(1));
        assert_eq!(lost.is_some(), (flavour, as_whom) == (Flavour::MySql, As::LeastPrivilege), "{report:#?}");
        if let Some(grant) = lost {
            rig.sql(grant);
        }
        // Others go on using all of it, and changes of the table go through.
        let login = mayfly_testbed::postgres::Login { user: "reader".to_owned(), password: "r".to_owned() };
        let mut reader = super::rig::log_in(&rig, login, "orders").await.unwrap();
        assert_eq!(reader.ask("SELECT name FROM v").unwrap().len(), 3);
        assert!(reader.ask("CALL p()").unwrap()[0].contains("it's; DROP TABLE"), "{flavour:?}");
        reader.ask("INSERT INTO orders (customer, item, amount) VALUES (1, 'quill', 1)").unwrap();
        assert_eq!(rig.ask("SELECT item FROM orders.orders ORDER BY id DESC LIMIT 1"), "quill");
        rig.sql("DROP ROLE maker");
    }
}

#[tokio::test]
async fn what_was_defined_can_be_dropped_or_keep_its_account() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig);
        let before = snapshot::take(&rig).unwrap();
        let (mut change, _) = rig.open(&rig.create(Some("maker"), json!({"leftovers": "drop"}))).await;
        let mut session = rig.log_in(&change, "").await.unwrap();
        blocking(move || session.ask(THINGS).unwrap()).await;
        let report = rig.remove(&mut change).await;
        assert_eq!(report.len(), 5, "{report:#?}");
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");

        let (change, _) = rig.open(&rig.create(Some("maker"), json!({"leftovers": "keep"}))).await;
        let mut session = rig.log_in(&change, "").await.unwrap();
        blocking(move || session.ask(THINGS).unwrap()).await;
        rig.close(CloseVerb::Disable, &change).await.unwrap();
        rig.close(CloseVerb::EndSessions, &change).await.unwrap();
        let closed = rig.close(CloseVerb::HandOver, &change).await.unwrap();
        assert!(closed.stays && closed.report.len() == 1, "{closed:?}");
        let sight = rig.look(&change).await;
        assert!(matches!(sight.presence, Presence::Ours { leftovers: true, .. }), "{sight:?}");
        assert_eq!((sight.can_log_in, sight.sessions), (Some(false), 0));
        // The trigger goes on as it did: on MariaDB the rights of a definer never come from its role.
        if flavour == Flavour::MySql {
            rig.sql("INSERT INTO orders.orders (customer, item, amount) VALUES (1, 'quill', 1)");
            assert_eq!(rig.ask("SELECT item FROM orders.orders ORDER BY id DESC LIMIT 1"), "QUILL");
        }
    }
}

/// What the administrator may not write anew stays, with the statement that helps; the account stays closed.
#[tokio::test]
async fn what_may_not_be_handed_over_is_named() {
    for (flavour, as_whom) in all().filter(|(_, as_whom)| *as_whom == As::LeastPrivilege) {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig);
        rig.sql("REVOKE SELECT ON *.* FROM 'mayfly_admin'@'127.0.0.1'");
        let (mut change, _) = rig.open(&rig.create(Some("maker"), json!({}))).await;
        let mut session = rig.log_in(&change, "orders").await.unwrap();
        blocking(move || session.ask("CREATE VIEW v AS SELECT name FROM customers").unwrap()).await;
        rig.close(CloseVerb::Disable, &change).await.unwrap();
        rig.close(CloseVerb::EndSessions, &change).await.unwrap();
        let failure = rig.close(CloseVerb::HandOver, &change).await.unwrap_err();
        assert_eq!(failure.class, mayfly_domain::FailureClass::NotPermitted, "{failure}");
        let fix = failure.text.split("as root: ").nth(1).unwrap().to_owned();
        rig.sql(&fix);
        // Rights reach a connection that is open already.
        let report = rig.remove(&mut change).await;
        assert_eq!(report.len(), 1, "{flavour:?}: {report:?}");
    }
}

/// A trigger that the administrator would not see would be left without its definer.
#[tokio::test]
async fn nobody_is_lifted_into_a_role_whose_triggers_are_not_seen() {
    for (flavour, as_whom) in all().filter(|(_, as_whom)| *as_whom == As::LeastPrivilege) {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig);
        rig.sql("REVOKE TRIGGER ON *.* FROM 'mayfly_admin'@'127.0.0.1'");
        let failure = rig.survey(&rig.create(Some("maker"), json!({}))).await.map(drop).unwrap_err();
        assert!(failure.text.ends_with("as root: GRANT TRIGGER ON *.* TO 'mayfly_admin'@'127.0.0.1';"), "{failure}");
        rig.survey(&rig.create(Some("readonly"), json!({}))).await.unwrap();
    }
}

/// What a running session has prepared is rolled back with it, where the server tells; what came before its end is named.
#[tokio::test]
async fn prepared_transactions_are_rolled_back_or_named() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig);
        rig.sql("XA START 'older'; INSERT INTO orders.orders (customer, item, amount) VALUES (1, 'x', 1); XA END 'older'; XA PREPARE 'older'");
        if (flavour, as_whom) == (Flavour::MySql, As::LeastPrivilege) {
            rig.sql("GRANT SELECT ON performance_schema.* TO 'mayfly_admin'@'127.0.0.1'");
        }
        let (change, _) = rig.open(&rig.create(Some("maker"), json!({}))).await;
        let prepare_as = |name: &str| {
            format!(
                "XA START {name}; INSERT INTO orders.orders (customer, item, amount) VALUES (1, 'x', 1); XA END {name}; XA PREPARE {name}"
            )
        };
        let mut gone = rig.log_in(&change, "").await.unwrap();
        let statement = prepare_as("'gone'");
        blocking(move || gone.ask(&statement).unwrap()).await;
        let mut running = rig.log_in(&change, "").await.unwrap();
        let statement = prepare_as("'it''s','running',3");
        let running = blocking(move || {
            running.ask(&statement).unwrap();
            running
        })
        .await;
        rig.close(CloseVerb::Disable, &change).await.unwrap();
        let ended = rig.close(CloseVerb::EndSessions, &change).await.unwrap().report;
        let rolled_back = ended.iter().filter(|line| line.ends_with("was rolled back")).count();
        assert_eq!(rolled_back, usize::from(flavour == Flavour::MySql), "{as_whom:?}: {ended:?}");
        drop(running);
        let named = rig.close(CloseVerb::Remove, &change).await.unwrap().report;
        let left = if flavour == Flavour::MySql { 1 } else { 2 };
        assert_eq!(named.len(), left, "{flavour:?} {as_whom:?}: {named:?}");
        assert!(named.iter().all(|line| !line.contains("older")), "{named:?}");
    }
}
