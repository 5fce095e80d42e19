//! Scenes of DESIGN §4, "In" and "Ledger and audit": intent before effect, and nothing new while the record cannot be written.

use super::script::{Do, What};
use super::stage::{Want, secs, stage};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ChangeKind, ChangeState, FailureClass, SessionState};
use std::sync::{Arc, Mutex};

/// "In" and FAILURES 1: all intents of the footprint and their events stand in the ledger, from one commit, before the
/// target is changed; the session is live once the broker has connected.
#[test]
fn the_whole_intent_is_written_before_anything_is_made() {
    let (world, script) = stage();
    let seen = Arc::new(Mutex::new(None));
    let (ledger, faults, slot) = (Arc::clone(&world.ledger), Arc::clone(&world.faults), Arc::clone(&seen));
    let look = move || {
        let commits = faults.trace().iter().filter(|step| **step == "after commit").count();
        slot.lock().unwrap().get_or_insert((ledger.books(), commits));
    };
    script.on(What::Open, 1, Do::First(Arc::new(look)));
    script.on(What::Survey, 1, Do::Companion("deploy"));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let before = world.targets["one"].snapshot();
        process.sleep(secs(60)).await;
        assert_eq!(world.targets["one"].snapshot(), before, "nothing is made before somebody connects");
        let want = Want { group: Some("ops"), ..Want::made("alice") };
        let client = want.connect(&process).await.unwrap();
        let (books, commits) = seen.lock().unwrap().take().unwrap();
        assert_eq!(commits, 1, "one commit holds the whole footprint");
        assert_eq!(books.changes.len(), 2);
        assert!(books.changes.values().all(|row| row.state == ChangeState::Intended));
        assert!(books.sessions.values().all(|row| row.state == SessionState::Launching));
        let kinds: Vec<_> = books.events.iter().map(|event| event.kind).collect();
        let intended = [EventKind::AccountIntended, EventKind::MembershipIntended, EventKind::MembershipIntended];
        assert_eq!(kinds[0], EventKind::AccessGranted);
        assert_eq!(kinds[1..], intended);
        let session = &world.ledger.books().sessions[&client.joined.session];
        assert_eq!(session.state, SessionState::Live);
        let account = books.changes.values().find(|row| row.kind == ChangeKind::Account).unwrap();
        assert_eq!(client.joined.payload.as_ref(), Some(&account.payload), "whoever logs in knows what was frozen");
        assert_eq!(world.events(EventKind::SessionStarted).len(), 1);
        client.leave();
        world.cleaned(&process, 60).await;
    });
}

/// Promise 7 and "Ledger and audit": while the store cannot be written nothing is opened, and the person is told so.
#[test]
fn nothing_is_opened_while_the_store_cannot_be_written() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        world.faults.set_store_down(true);
        let failure = Want::made("alice").join(&process).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Busy);
        assert!(failure.text.contains("nothing new is opened"), "{failure}");
        assert_eq!(script.count(What::Open), 0);
        world.faults.set_store_down(false);
        world.cleaned(&process, 60).await;
        Want::made("alice").connect(&process).await.unwrap().leave();
        world.cleaned(&process, 60).await;
    });
}

/// "In", its last step: a connection that cannot be put on record is not opened, and what was made for it goes out.
#[test]
fn a_connection_that_cannot_be_recorded_is_refused() {
    let (world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let joined = Want::made("alice").join(&process).await.unwrap();
        world.faults.set_store_down(true);
        let failure = joined.seat.started(Some("1".to_owned())).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Busy);
        assert!(!joined.cut.wait().await.sentence.is_empty());
        drop(joined);
        world.faults.set_store_down(false);
        world.cleaned(&process, 60).await;
        assert_eq!(world.events(EventKind::SessionFailed).len(), 1);
        assert_eq!(world.events(EventKind::SessionStarted).len(), 0);
    });
}

/// "In": the first change that fails stops the launch; what was made before it goes out again.
#[test]
fn the_first_failure_stops_the_launch() {
    let (world, script) = stage();
    let fail = Do::Fail(FailureClass::NotPermitted);
    script.on(What::Survey, 1, Do::Companion("deploy"));
    script.on(What::Open, 1, Do::Slow(secs(0)));
    script.on(What::Open, 1, fail);
    world.live(|process| async {
        let process = process;
        process.start().await;
        let failure = Want::made("alice").join(&process).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::NotPermitted);
        assert_eq!(world.events(EventKind::SessionFailed).len(), 1, "a failure is on record before it is answered");
        world.cleaned(&process, 60).await;
        assert_eq!(script.count(What::Open), 2);
        assert!(!world.targets["one"].is_member("deploy", "ops"));
    });
}

/// "In": what the survey refuses is told to the person and stands in the trail; nothing is written down as owed.
#[test]
fn a_wish_that_cannot_be_is_refused_with_words() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let want = Want { group: Some("nobody"), ..Want::made("alice") };
        let failure = want.join(&process).await.unwrap_err();
        assert_eq!((failure.class, failure.text.as_str()), (FailureClass::Conflict, "there is no group nobody"));
        let events = world.events(EventKind::SessionFailed);
        assert!(events[0].reason.as_ref().unwrap().contains("there is no group nobody"));
        assert!(world.ledger.books().changes.is_empty() && world.ledger.books().sessions.is_empty());
        assert_eq!(script.count(What::Open), 0);
    });
}
