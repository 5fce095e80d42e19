//! Commands whose connection is gone while they wait: whoever looks waits for what becomes of them.

use super::rig::{Rig, all, blocking, place};
use mayfly_domain::FailureClass;
use mayfly_engine::ports::provider::{Presence, Provider};
use mayfly_testbed::Proxy;
use mayfly_testbed::mysql::snapshot;
use mayfly_testbed::snapshot::diff;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn nothing_is_made_after_its_last_moment() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let mut change = rig.plan(&rig.create(None, json!({}))).await;
        change.row.last_moment = change.row.held_since;
        let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
        assert_eq!(failure.class, FailureClass::Busy, "{flavour:?} {as_whom:?}");
        assert!(failure.text.contains("last moment"), "{failure}");
        assert_eq!(rig.look(&change).await.presence, Presence::Absent);
    }
}

/// DESIGN §4, "What we sent may still arrive": a look that finds nothing is not followed by an account.
#[tokio::test]
async fn a_look_waits_for_a_command_whose_connection_is_gone() {
    for (flavour, as_whom) in all() {
        let rig = Arc::new(Rig::start(flavour, as_whom).await);
        let before = snapshot::take(&rig).unwrap();
        let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, rig.port()))).unwrap();
        let mut wish = rig.create(None, json!({}));
        wish.place = place(&rig, proxy.port());
        let mut change = rig.plan(&wish).await;
        // Account statements wait for this; statements that read do not.
        let mut blocker = rig.root_session().unwrap();
        blocker.ask("FLUSH TABLES WITH READ LOCK").unwrap();
        let (opener, step) = (Arc::clone(&rig), change.open_step());
        let opening = tokio::spawn(async move { opener.subject.open(vec![step]).await.remove(0) });
        let asked = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'CREATE USER%'";
        let started = std::time::Instant::now();
        while rig.ask(asked) == "0" {
            assert!(started.elapsed() < Duration::from_secs(30), "{flavour:?}: the command does not wait");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy.cut();
        assert_eq!(opening.await.unwrap().unwrap_err().class, FailureClass::OutcomeUnknown, "{flavour:?} {as_whom:?}");
        change.row.place = rig.place.clone();
        let (looker, first) = (Arc::clone(&rig), change.look_step(mayfly_engine::ports::provider::SessionScope::All));
        let looking = tokio::spawn(async move { looker.subject.look(vec![first]).await.remove(0) });
        tokio::time::sleep(Duration::from_millis(300)).await;
        blocking(move || blocker.ask("UNLOCK TABLES").unwrap()).await;
        let first = looking.await.unwrap();
        let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%CREATE USER%' AND ID <> CONNECTION_ID()";
        while rig.ask(waits) != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let second = rig.look(&change).await;
        match first {
            Ok(sight) => assert_eq!(sight.presence, second.presence, "{flavour:?} {as_whom:?}"),
            Err(failure) => assert_eq!(failure.class, FailureClass::Busy, "{failure}"),
        }
        rig.remove(&mut change).await;
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}
