//! Scenes of DESIGN §4, "Failures", "Several targets" and "Identity": the class decides the retry, nothing is ever given up,
//! and one target's trouble is nobody else's.

use super::script::{ALWAYS, Do, What};
use super::stage::{Want, secs, stage};
use mayfly_contract::target::FakeTarget;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ChangeState, EndReason, FailureClass};
use mayfly_engine::ports::provider::CloseVerb::{Disable, Remove, Withdraw};
use mayfly_engine::{Closing, Signal};
use std::sync::Arc;

const PEOPLE: [&str; 8] = ["alice", "bob", "carol", "dan", "eve", "fred", "gina", "hal"];

/// Promise 2, FAILURES 29: a target that does not answer for a day is asked for ever, without flooding the trail, and its
/// return is noticed within the longest wait between probes.
#[test]
fn a_target_that_is_away_for_a_day_is_never_given_up() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        world.faults.set_target_down(true);
        let closed = process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None).unwrap();
        assert_eq!(closed.await, Ok(Closing::Outstanding));
        process.sleep(secs(24 * 3600)).await;
        assert!(world.events(EventKind::AccountRemovalFailed).len() < 40, "news and every doubling are enough");
        let asked = script.calls().len();
        world.faults.set_target_down(false);
        world.cleaned(&process, 20).await;
        assert!(script.calls().len() > asked);
    });
}

/// Refused credentials: one probe for the whole target, at the slowest back-off, lest the administrator be locked out.
#[test]
fn refused_credentials_are_tried_rarely_and_once_for_all() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let mut clients = Vec::new();
        for person in PEOPLE {
            clients.push(Want::made(person).connect(&process).await.unwrap());
        }
        script.break_host("one", FailureClass::CredentialsRefused);
        clients.drain(..).for_each(|client| client.leave());
        process.sleep(secs(60)).await;
        let before = script.batches().len();
        process.sleep(secs(3600)).await;
        let probes = script.batches().len() - before;
        assert!((3..=8).contains(&probes), "{probes} batches in an hour for {} debts", PEOPLE.len());
        script.clear();
        world.cleaned(&process, 4400).await;
    });
}

/// FAILURES 28: a target that is down has its own breaker and its own queue; a healthy one does not notice.
#[test]
fn a_dead_target_slows_nobody_else() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let mut clients = Vec::new();
        for person in PEOPLE {
            clients.push(Want::made(person).at("two").connect(&process).await.unwrap());
        }
        script.break_host("two", FailureClass::Unreachable);
        clients.drain(..).for_each(|client| client.leave());
        process.sleep(secs(60)).await;
        let (before, now) = (script.calls().len(), process.clock.true_time());
        let healthy = Want { record: "healthy", ..Want::made("alice") }.connect(&process).await.unwrap();
        let closed = process.engine.end(&healthy.joined.session, EndReason::Terminated, "uid:0", None).unwrap();
        healthy.leave();
        assert_eq!(closed.await, Ok(Closing::Clean));
        assert!(process.clock.true_time().since(now) < secs(1));
        process.sleep(secs(300)).await;
        let sent = script.calls().iter().skip(before).filter(|call| call.host == "two").count();
        assert!(sent < 60, "{sent} steps were sent to a dead target within five minutes");
        script.clear();
        world.cleaned(&process, 60).await;
    });
}

/// A provider that panics, or never answers, has an unknown outcome; what it may have made goes out.
#[test]
fn a_provider_that_breaks_is_an_unknown_outcome() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Panic);
    script.on(What::Close(Remove), 1, Do::Wait(Signal::new()));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let failure = Want::made("alice").join(&process).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::OutcomeUnknown);
        world.cleaned(&process, 60).await;
        Want::made("alice").connect(&process).await.unwrap().leave();
        world.cleaned(&process, 120).await;
        assert_eq!(script.count(What::Close(Remove)), 2);
    });
}

/// "Identity": another server at a target's address gets no removal, what is owed stays owed, and is paid where it belongs.
#[test]
fn another_server_at_the_address_gets_nothing() {
    let (mut world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let _client = Want::made("alice").connect(&process).await.unwrap();
    });
    let impostor = Arc::new(FakeTarget::new("impostor", Arc::clone(&world.clock), 0));
    let account = world.ledger.books().changes.values().next().unwrap().account.to_string();
    impostor.add_account(&account);
    let before = impostor.snapshot();
    let right = world.targets.insert("one".to_owned(), Arc::clone(&impostor)).unwrap();
    world.live(|process| async {
        let process = process;
        process.start().await;
        process.sleep(secs(600)).await;
        let row = world.ledger.books().changes.values().next().unwrap().clone();
        assert_eq!(row.state, ChangeState::Withdrawing);
        assert_eq!(row.failure.unwrap().class, FailureClass::Conflict);
        assert_eq!(impostor.snapshot(), before);
    });
    world.targets.insert("one".to_owned(), right);
    world.live(|process| async {
        let process = process;
        process.start().await;
        world.cleaned(&process, 400).await;
    });
}

/// "Several targets": the way out is the reverse of the way in; closing waits for nobody, removing for what depends on it.
#[test]
fn removing_waits_for_what_depends_on_it_and_closing_does_not() {
    let (world, script) = stage();
    let gate = Signal::new();
    script.on(What::Survey, 1, Do::Companion("deploy"));
    script.on(What::Close(Withdraw), 1, Do::Wait(gate.clone()));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let account = client.joined.account.to_string();
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
        process.sleep(secs(20)).await;
        assert!(!client.target.is_logged_in(client.native));
        assert!(!client.target.snapshot().accounts[&account].can_log_in);
        assert_eq!(script.count(What::Close(Remove)), 0);
        gate.set(());
        world.cleaned(&process, 60).await;
    });
}

/// ... but only while that one can be worked on: what depends on it and stays stuck does not keep the account.
#[test]
fn what_depends_on_it_and_is_stuck_keeps_nothing() {
    let (world, script) = stage();
    script.on(What::Survey, 1, Do::Companion("deploy"));
    script.on(What::Close(Withdraw), ALWAYS, Do::Fail(FailureClass::NotPermitted));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let account = client.joined.account.to_string();
        client.leave();
        process.sleep(secs(30)).await;
        assert!(!world.targets["one"].has_account(&account));
        assert_eq!(world.membership_of("deploy").state, ChangeState::Withdrawing);
        assert!(script.count(What::Close(Disable)) > 0);
        script.clear();
        world.cleaned(&process, 400).await;
    });
}
