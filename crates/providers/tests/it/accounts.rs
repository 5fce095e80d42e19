//! Making accounts and removing them, in the plain case and when somebody interfered.

use crate::rig::{ALL, As, Rig, place, subject};
use mayfly_domain::FailureClass;
use mayfly_domain::TargetId;
use mayfly_engine::ports::provider::{CloseVerb, Presence, Provider};
use mayfly_testbed::postgres::{Flavour, Options, Postgres};
use mayfly_testbed::{Proxy, snapshot};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};

#[tokio::test]
async fn an_account_is_made_used_and_removed_without_a_trace() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        let before = snapshot::take(&rig).await.unwrap();
        let wish = rig.create(Some("readonly"), json!({"connections": 2}));
        let (mut change, opened) = rig.open(&wish).await;
        assert!(opened.added);
        let sight = rig.look(&change).await;
        assert_eq!(sight.presence, Presence::Ours { native_id: opened.native_id, leftovers: false });
        assert_eq!((sight.sessions, sight.can_log_in), (0, Some(true)));

        let client = rig.log_in(&change, "orders").await.unwrap();
        assert_eq!(client.query("SELECT * FROM customers", &[]).await.unwrap().len(), 3);
        let _second = rig.log_in(&change, "billing").await.unwrap();
        assert_eq!(rig.log_in(&change, "orders").await.unwrap_err().text, "53300", "the connection limit holds");
        assert_eq!(rig.look(&change).await.sessions, 2);
        let name = change.name().to_owned();
        let until =
            format!("SELECT extract(epoch from rolvaliduntil - now())::int FROM pg_roles WHERE rolname = '{name}'");
        let left: i32 = rig.ask("postgres", &until).await.parse().unwrap();
        assert!((3500..=3660).contains(&left), "{left}");

        rig.close(CloseVerb::Disable, &change).await.unwrap();
        assert_eq!(rig.look(&change).await.can_log_in, Some(false));
        let closed = rig.close(CloseVerb::EndSessions, &change).await.unwrap();
        assert_eq!((closed.sessions_left, closed.report.len()), (0, 2), "{:?}", closed.report);
        assert_eq!(rig.log_in(&change, "orders").await.unwrap_err().text, "28000");
        client.query("SELECT 1", &[]).await.unwrap_err();
        rig.remove(&mut change).await;
        // Twice is the same as once.
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            rig.close(verb, &change).await.unwrap();
        }
        assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "", "{flavour:?} {as_whom:?}");
        let secret = change.secret.expose();
        assert!(!rig.log().contains(secret), "the password is in the server's log");
        assert!(rig.log().contains("SCRAM-SHA-256$1:"), "the log shows no statement at all");
    }
}

#[tokio::test]
async fn an_account_is_found_by_its_oid_or_its_mark_and_strangers_are_left() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        // Renamed: found by the oid and the mark.
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        rig.sql("postgres", &format!("ALTER ROLE {} RENAME TO renamed", change.name())).await;
        rig.remove(&mut change).await;
        assert_eq!(rig.ask("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'renamed'").await, "0");
        // Renamed, and the answer with its oid was lost: found by the mark.
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        change.row.native_id = None;
        rig.sql("postgres", &format!("ALTER ROLE {} RENAME TO renamed", change.name())).await;
        rig.remove(&mut change).await;
        // The mark is gone: found by oid and name.
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        rig.sql("postgres", &format!("COMMENT ON ROLE {} IS NULL", change.name())).await;
        rig.remove(&mut change).await;
        // Both are gone: nobody knows, so it is not touched and not forgotten.
        let (change, _) = rig.open(&rig.create(None, json!({}))).await;
        let name = change.name();
        rig.sql("postgres", &format!("COMMENT ON ROLE {name} IS NULL; ALTER ROLE {name} RENAME TO adopted")).await;
        rig.close(CloseVerb::Remove, &change).await.unwrap();
        assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::Conflict);
        // A stranger under our name, before and instead of ours.
        let wish = rig.create(None, json!({}));
        let change = rig.plan(&wish).await;
        rig.sql("postgres", &format!("CREATE ROLE {} LOGIN", change.name())).await;
        let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
        assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
        let before = snapshot::take(&rig).await.unwrap();
        assert_eq!(rig.survey(&wish).await.unwrap_err().class, FailureClass::Conflict);
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            rig.close(verb, &change).await.unwrap();
        }
        assert_eq!(rig.look(&change).await.presence, Presence::Stranger);
        assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

#[tokio::test]
async fn a_session_keeps_its_account_from_being_dropped() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        let (mut change, _) = rig.open(&rig.create(Some("readonly"), json!({}))).await;
        let _client = rig.log_in(&change, "orders").await.unwrap();
        assert_eq!(rig.close(CloseVerb::Remove, &change).await.unwrap_err().class, FailureClass::Busy);
        // Dropped behind our back, its session is still found by the oid.
        rig.sql("postgres", &format!("DROP ROLE {}", change.name())).await;
        let sight = rig.look(&change).await;
        assert_eq!((sight.presence, sight.sessions), (Presence::Absent, 1));
        rig.remove(&mut change).await;
    }
}

#[tokio::test]
async fn nothing_is_made_after_the_last_moment() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        let mut change = rig.plan(&rig.create(None, json!({}))).await;
        change.row.last_moment = change.row.held_since;
        let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
        assert_eq!(failure.class, FailureClass::Busy);
        assert!(failure.text.contains("last moment"), "{failure}");
        assert_eq!(rig.look(&change).await.presence, Presence::Absent);
    }
}

#[tokio::test]
async fn one_bad_step_does_not_spoil_its_batch() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        let mut changes = Vec::new();
        for _ in 0..5 {
            changes.push(rig.plan(&rig.create(Some("readonly"), json!({}))).await);
        }
        rig.sql("postgres", &format!("CREATE ROLE {}", changes[2].name())).await;
        let outcomes = rig.subject.open(changes.iter().map(|change| change.open_step()).collect()).await;
        let made: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(made, [true, true, false, true, true]);
        for (index, change) in changes.iter_mut().enumerate().filter(|(index, _)| *index != 2) {
            change.row.native_id.clone_from(&outcomes[index].as_ref().unwrap().native_id);
            rig.remove(change).await;
        }
    }
}

/// DESIGN "Identity": another server at the address gets neither credentials that it does not know nor removals.
#[tokio::test]
async fn another_server_at_the_address_is_not_touched() {
    let rig = Rig::start(Flavour::Debian15, As::Superuser).await;
    let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
    change.row.target = TargetId::new("postgresql", "7000000000000000000");
    let before = snapshot::take(&rig).await.unwrap();
    for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
        assert_eq!(rig.close(verb, &change).await.unwrap_err().class, FailureClass::IdentityChanged, "{verb:?}");
    }
    assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::IdentityChanged);
    let outcome = rig.subject.open(vec![change.open_step()]).await.remove(0);
    assert_eq!(outcome.unwrap_err().class, FailureClass::IdentityChanged);
    assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "");

    // And one whose certificate another authority signed is not even spoken to.
    let other =
        tokio::task::spawn_blocking(|| Postgres::start(Options::new(Flavour::Debian15)).unwrap()).await.unwrap();
    let mut wish = rig.create(None, json!({}));
    wish.place = place(&rig, other.port());
    assert_eq!(rig.survey(&wish).await.unwrap_err().class, FailureClass::Conflict);
}

#[tokio::test]
async fn a_lost_reply_is_an_unknown_outcome_and_is_found_again() {
    let rig = Rig::start(Flavour::Newer, As::LeastPrivilege).await;
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, rig.port()))).unwrap();
    let mut wish = rig.create(None, json!({}));
    wish.place = place(&rig, proxy.port());
    let mut change = rig.plan(&wish).await;
    proxy.drop_replies_after(0);
    let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
    assert_eq!(failure.class, FailureClass::OutcomeUnknown);
    proxy.restore();
    assert!(matches!(rig.look(&change).await.presence, Presence::Ours { .. }));
    rig.remove(&mut change).await;
    proxy.cut();
    assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::Unreachable);
}

#[tokio::test]
async fn a_refused_credential_is_told_apart() {
    let rig = Rig::start(Flavour::Debian15, As::Superuser).await;
    let mut login = rig.admin.clone();
    login.password.push('x');
    let request = mayfly_engine::ports::provider::SurveyRequest {
        wish: rig.create(None, json!({})),
        lifetime: std::time::Duration::from_secs(60),
    };
    let failure = crate::rig::survey_with(&subject(&login), request).await.map(|_| ()).unwrap_err();
    assert_eq!(failure.class, FailureClass::CredentialsRefused, "{failure}");
    assert!(!failure.text.contains(&login.password));
}
