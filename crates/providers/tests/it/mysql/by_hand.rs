//! The way out by hand: the script that is printed for an administrator does what the provider would, with the server's own client.

use super::rig::{Change, Rig, all, blocking};
use mayfly_engine::ports::provider::Presence;
use mayfly_providers::Registry;
use mayfly_testbed::mysql::{fixtures, snapshot};
use mayfly_testbed::snapshot::diff;
use serde_json::json;
use std::process::{Command, Output};

async fn run(rig: &Rig, change: &Change) -> Output {
    let script = Registry::by_hand(&change.row).unwrap();
    let client = rig.root_client().unwrap();
    let words: Vec<String> = std::iter::once(client.get_program())
        .chain(client.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let password = rig.root().password.clone();
    blocking(move || {
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).env("CLIENT", words.join(" ")).env("MYSQL_PWD", password);
        shell.output().unwrap()
    })
    .await
}

#[tokio::test]
async fn an_account_is_undone_with_its_session_and_what_it_defined() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        rig.sql(
            "CREATE ROLE maker; GRANT SELECT, CREATE VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE ON orders.* TO maker",
        );
        fixtures::lend(&rig, "maker").unwrap();
        let before = snapshot::take(&rig).unwrap();
        for leftovers in ["drop", "graveyard"] {
            let (mut change, _) = rig.open(&rig.create(Some("maker"), json!({"leftovers": leftovers}))).await;
            let mut session = rig.log_in(&change, "orders").await.unwrap();
            let mut session = blocking(move || {
                session.ask("CREATE VIEW v AS SELECT name FROM customers; CREATE PROCEDURE p() SELECT 1").unwrap();
                session.ask("CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET @x = 'it''s'").unwrap();
                session
            })
            .await;
            let done = run(&rig, &change).await;
            let (said, wrong) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            assert!(done.status.success(), "{flavour:?} {leftovers}: {said}{wrong}");
            assert!(said.contains("the account is gone") && said.contains("SET @x = 'it'"), "{said}");
            assert!(!session.is_alive());
            assert_eq!(rig.look(&change).await.presence, Presence::Absent);
            let left = diff(&before, &snapshot::take(&rig).unwrap());
            if leftovers == "drop" {
                assert_eq!(left, "", "{flavour:?} {as_whom:?}");
            } else {
                assert!(left.contains("INVOKER") && !left.contains("trigger\t"), "{left}");
            }
            assert!(run(&rig, &change).await.status.success(), "twice is the same as once");
            // On another server it does nothing.
            change.row.target = mayfly_domain::TargetId::new(change.row.provider.as_str(), "1-1700000000");
            assert!(!run(&rig, &change).await.status.success());
        }
    }
}

#[tokio::test]
async fn a_membership_is_undone_and_older_sessions_are_left() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        rig.sql("CREATE USER 'alice'@'127.0.0.1' IDENTIFIED BY 'a'");
        let before = snapshot::take(&rig).unwrap();
        let alice = || mayfly_testbed::postgres::Login { user: "alice".to_owned(), password: "a".to_owned() };
        let mut older = super::rig::log_in(&rig, alice(), "").await.unwrap();
        let (change, _) = rig.open(&rig.existing("alice", "readonly")).await;
        let mut lifted = super::rig::log_in(&rig, alice(), "").await.unwrap();
        let done = run(&rig, &change).await;
        assert!(done.status.success(), "{flavour:?}: {}", String::from_utf8_lossy(&done.stderr));
        assert!(older.is_alive() && !lifted.is_alive(), "{flavour:?} {as_whom:?}");
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}
