//! Scenes of DESIGN §4, "Failures", "Several targets" and "Identity": the class decides the retry, nothing is ever given up,
//! and one target's trouble is nobody else's.

use super::script::{ALWAYS, Do, What};
use super::stage::{Want, secs, stage};
use crate::world::LINGER;
use mayfly_contract::target::FakeTarget;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ChangeState, EndReason, Endpoint, FailureClass, TargetId};
use mayfly_engine::ports::ledger::{Entry, Ledger, Write};
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

/// Once the administrator has set the right credential, nobody waits for the slowest back-off to pass.
#[test]
fn credentials_that_are_changed_are_tried_at_once() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        script.break_host("one", FailureClass::CredentialsRefused);
        client.leave();
        process.sleep(secs(20)).await;
        script.clear();
        let held_back = Want::made("bob").join(&process).await.map(drop).unwrap_err();
        assert_eq!(held_back.class, FailureClass::CredentialsRefused, "{held_back}");
        process.sleep(secs(1)).await;
        process.engine.credentials_changed();
        Want::made("bob").connect(&process).await.unwrap().leave();
        world.cleaned(&process, 20).await;
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
        assert_eq!(row.failure.unwrap().class, FailureClass::IdentityChanged);
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

/// "Several targets": what is wanted on two of them is one intent, made in order and removed in the reverse order.
#[test]
fn a_footprint_over_two_targets_comes_and_goes_in_order() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want { upon: Some("two"), ..Want::made("alice") }.connect(&process).await.unwrap();
        let books = world.ledger.books();
        let rows: Vec<_> = books.order.iter().map(|id| books.changes[id].clone()).collect();
        assert_eq!(
            rows.iter().map(|row| row.target.clone()).collect::<Vec<_>>(),
            [world.targets["two"].id().clone(), world.targets["one"].id().clone()]
        );
        assert_eq!(rows[1].depends_on, [rows[0].id.clone()]);
        assert_eq!(books.sessions[&client.joined.session].target, *world.targets["one"].id());
        client.leave();
        world.cleaned(&process, 60).await;
        let hosts = |what| -> Vec<String> {
            script.calls().into_iter().filter(|call| call.what == what).map(|call| call.host).collect()
        };
        assert_eq!(hosts(What::Open), ["two", "one"]);
        assert_eq!(hosts(What::Close(Remove)), ["one", "two"]);
    });
}

/// ... what fails on the first stops the launch before the second is touched.
#[test]
fn what_fails_on_one_target_is_not_begun_on_the_next() {
    let (world, script) = stage();
    script.on_host("two", What::Open, Do::Fail(FailureClass::NotPermitted));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let want = Want { upon: Some("two"), ..Want::made("alice") };
        assert_eq!(want.join(&process).await.unwrap_err().class, FailureClass::NotPermitted);
        assert_eq!(script.count(What::Open), 1);
        world.cleaned(&process, 60).await;
    });
}

/// ... and one that is down keeps nothing open on the other: closing never waits, removing only while it answers.
#[test]
fn a_target_that_is_down_keeps_nothing_on_the_other() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want { upon: Some("two"), ..Want::made("alice") }.connect(&process).await.unwrap();
        let account = client.joined.account.to_string();
        script.break_host("one", FailureClass::Unreachable);
        client.leave();
        process.sleep(LINGER + secs(2)).await;
        assert!(!world.targets["two"].has_account(&account));
        assert!(world.targets["one"].has_account(&account));
        script.clear();
        world.cleaned(&process, 60).await;
    });
}

/// "Identity": whoever meets another server gives it nothing, tries again, and says in the trail that it met it.
#[test]
fn a_launch_and_a_removal_that_meet_another_server_say_so() {
    let (world, script) = stage();
    script.on(What::Survey, 1, Do::Fail(FailureClass::IdentityChanged));
    script.on(What::Close(Remove), 1, Do::Fail(FailureClass::IdentityChanged));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let failure = Want::made("bob").join(&process).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::IdentityChanged);
        let met = world.events(EventKind::TargetIdentityChanged);
        assert_eq!((met.len(), met[0].reason.as_deref()), (1, Some(failure.text.as_str())));
        assert!(met[0].person.is_some() && met[0].record.is_some(), "{met:?}");
        Want::made("alice").connect(&process).await.unwrap().leave();
        world.cleaned(&process, 60).await;
        let met = world.events(EventKind::TargetIdentityChanged);
        assert_eq!(met.len(), 2, "{met:?}");
        assert!(met[1].account.is_some() && met[1].change.is_some() && met[1].reason.is_some(), "{met:?}");
    });
}

/// "Identity": nothing is opened on a server that is not the one that was at this address before, until somebody says so.
#[test]
fn nothing_is_opened_on_another_server_at_the_address() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        Want::made("alice").connect(&process).await.unwrap().leave();
        world.cleaned(&process, 60).await;
        script.on(What::Survey, 1, Do::Another);
        let failure = Want::made("bob").join(&process).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::IdentityChanged);
        assert!(failure.text.contains("one:1 answers as fake:another, but until now fake:one was there"), "{failure}");
        assert_eq!(script.count(What::Open), 1, "only alice's");
        let events = world.events(EventKind::TargetIdentityChanged);
        assert_eq!((events.len(), events[0].detail["was"].as_str()), (1, "fake:one"));
        // An administrator confirms it: from now on that one is known, and the old one is not.
        let known = Write::Know {
            endpoint: Endpoint { host: "one".to_owned(), port: 1 },
            target: Some(TargetId::new("fake", "another")),
        };
        world.ledger.commit(Entry { writes: vec![known], events: Vec::new() }).await.unwrap();
        let failure = Want::made("bob").join(&process).await.unwrap_err();
        assert!(failure.text.contains("answers as fake:one"), "{failure}");
    });
}

/// "Failures": while our own store cannot be written, what is owed is tried again once a second, not over and over.
#[test]
fn a_store_that_cannot_be_written_does_not_flood_the_target() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        script.on(What::Close(Remove), 2, Do::Fail(FailureClass::Busy));
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
        process.sleep(secs(1)).await;
        world.faults.set_store_down(true);
        let before = script.count(What::Close(Disable));
        process.sleep(secs(60)).await;
        let passes = script.count(What::Close(Disable)) - before;
        assert!((10..=70).contains(&passes), "{passes}");
        world.faults.set_store_down(false);
        world.cleaned(&process, 400).await;
    });
}
