//! Lifting existing accounts: only what we added is taken away, default roles are left, and only the sessions in the scope end.

use super::rig::{As, Rig, all, log_in};
use mayfly_domain::FailureClass;
use mayfly_engine::ports::provider::{CloseVerb, Presence, Provider, SessionScope};
use mayfly_testbed::mysql::{Flavour, Session, fixtures, snapshot};
use mayfly_testbed::postgres::Login;
use mayfly_testbed::snapshot::diff;

fn alice(rig: &Rig, extra: &str) {
    rig.sql(&format!("CREATE USER 'alice'@'127.0.0.1' IDENTIFIED BY 'alice-secret'; {extra}"));
}

async fn session_of_alice(rig: &Rig) -> Session {
    let login = Login { user: "alice".to_owned(), password: "alice-secret".to_owned() };
    log_in(rig, login, "").await.unwrap()
}

#[tokio::test]
async fn a_membership_is_added_and_taken_away_without_a_trace() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "GRANT readwrite TO 'alice'@'127.0.0.1'");
        let before = snapshot::take(&rig).unwrap();
        let (change, opened) = rig.open(&rig.existing("alice", "readonly")).await;
        assert!(opened.added && !change.row.prior);
        assert!(matches!(rig.look(&change).await.presence, Presence::Ours { .. }));
        // Made again, it says that it was there.
        let again = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap();
        assert!(!again.added);
        let mut session = session_of_alice(&rig).await;
        // Her default roles are as they were: the role has to be chosen.
        session.ask("SELECT * FROM orders.customers").unwrap_err();
        session.ask("SET ROLE readonly").unwrap();
        session.ask("SELECT * FROM orders.customers").unwrap();
        let gone = rig.close(CloseVerb::Withdraw, &change).await.unwrap().gone_at.unwrap();
        assert!(gone > change.row.held_since);
        let kept = session.ask("SELECT * FROM orders.customers").is_ok();
        assert_eq!(kept, flavour == Flavour::MariaDb, "a session of MariaDB keeps what it had: it has to end");
        let scope = SessionScope::Between { from: change.row.held_since, until: Some(gone) };
        let closed = rig.subject.close(CloseVerb::EndSessions, vec![change.close_step(scope)]).await.remove(0).unwrap();
        assert_eq!((closed.sessions_left, closed.report.len()), (0, 1), "{:?}", closed.report);
        assert!(!session.is_alive());
        let sight = rig.look(&change).await;
        assert_eq!((sight.presence, sight.sessions, sight.can_log_in), (Presence::Absent, 0, Some(true)));
        rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

/// FAILURES 41, 42: what was there before us stays.
#[tokio::test]
async fn memberships_of_others_survive() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "GRANT readonly TO 'alice'@'127.0.0.1'");
        let before = snapshot::take(&rig).unwrap();
        let change = rig.plan(&rig.existing("alice", "readonly")).await;
        assert!(change.row.prior);
        rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

/// Who came after the membership was gone has not had it, and is told from who came before by the number of the connection.
#[tokio::test]
async fn who_came_later_is_left_alone() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "");
        let mut older = session_of_alice(&rig).await;
        let (change, _) = rig.open(&rig.existing("alice", "readonly")).await;
        let mut lifted = session_of_alice(&rig).await;
        let gone = rig.close(CloseVerb::Withdraw, &change).await.unwrap().gone_at.unwrap();
        let mut later = session_of_alice(&rig).await;
        assert!(older.is_alive() && lifted.is_alive() && later.is_alive(), "all of them busy since");
        let scope = SessionScope::Between { from: change.row.held_since, until: Some(gone) };
        let looked = rig.subject.look(vec![change.look_step(scope.clone())]).await.remove(0).unwrap();
        assert_eq!(looked.sessions, 1, "{flavour:?} {as_whom:?}");
        let closed = rig.subject.close(CloseVerb::EndSessions, vec![change.close_step(scope)]).await.remove(0).unwrap();
        assert_eq!((closed.sessions_left, closed.report.len()), (0, 3), "{:?}", closed.report);
        assert!(!lifted.is_alive() && older.is_alive() && later.is_alive(), "{flavour:?} {as_whom:?}");
    }
}

#[tokio::test]
async fn bad_wishes_are_refused_with_what_helps() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "CREATE USER 'bob'@'127.0.%'; CREATE USER 'bob'@'localhost'");
        let refused = async |name: &str, role: &str| rig.survey(&rig.existing(name, role)).await.map(drop).unwrap_err();
        let admin = rig.admin.user.clone();
        for (name, role) in [
            ("nobody", "readonly"),
            ("alice", "nothing"),
            ("alice", "mayfly_graveyard"),
            (admin.as_str(), "readonly"),
            ("alice", ""),
            ("", "readonly"),
            // The server alone knows which of the two is used.
            ("bob", "readonly"),
        ] {
            assert_eq!(refused(name, role).await.class, FailureClass::Conflict, "{name} {role}");
        }
        rig.sql("CREATE ROLE secret_role");
        if as_whom == As::LeastPrivilege {
            let failure = refused("alice", "secret_role").await;
            assert_eq!(failure.class, FailureClass::NotPermitted);
            assert!(failure.text.contains("TO 'mayfly_admin'@'127.0.0.1' WITH ADMIN OPTION;"), "{failure}");
            fixtures::lend(&rig, "secret_role").unwrap();
            rig.survey(&rig.existing("alice", "secret_role")).await.unwrap();
        }
    }
}

/// MySQL: a role that is mandatory is everybody's already, and can be taken from nobody.
#[tokio::test]
async fn a_mandatory_role_was_there_before() {
    for (flavour, as_whom) in all().filter(|(flavour, _)| *flavour == Flavour::MySql) {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "SET GLOBAL mandatory_roles = 'readonly'");
        let change = rig.plan(&rig.existing("alice", "readonly")).await;
        assert!(change.row.prior, "{as_whom:?}");
        rig.sql("SET GLOBAL mandatory_roles = ''");
    }
}
