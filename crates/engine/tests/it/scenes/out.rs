//! Scenes of DESIGN §4, "Out", "States of a change" and "Ledger and audit": what takes most access away comes first, nothing
//! holds it back, and only a look lets go.

use super::script::{ALWAYS, Do, What};
use super::stage::{Want, secs, stage};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ChangeKind, ChangeState, EndReason, FailureClass};
use mayfly_engine::Closing;
use mayfly_engine::ports::provider::CloseVerb::{Disable, EndSessions, HandOver, Remove, Withdraw};
use std::sync::{Arc, Mutex};

/// "Out", FAILURES 12 and 33: connections are cut, then the account is closed, its sessions end, what it owns is handed
/// over, it is removed, and looked for again.
#[test]
fn the_way_out_has_its_order() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let account = client.joined.account.to_string();
        client.target.own(&account);
        let (cut, was_cut) = (client.joined.cut.clone(), Arc::new(Mutex::new(false)));
        let noted = Arc::clone(&was_cut);
        script.on(What::Close(Disable), 1, Do::First(Arc::new(move || *noted.lock().unwrap() = cut.get().is_some())));
        let closed = process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None).unwrap();
        assert_eq!(closed.await, Ok(Closing::Clean));
        assert!(*was_cut.lock().unwrap(), "connections are cut before the target hears of it");
        let (close, look) = (What::Close, What::Look);
        let order = [close(Disable), close(EndSessions), look, close(HandOver), look, close(Remove), look];
        assert_eq!(script.steps(&account)[1..], order);
        let row = world.change_of(&client.joined.session);
        assert_eq!(row.state, ChangeState::Absent);
        let removed = &world.events(EventKind::AccountRemoved)[0];
        assert!(removed.detail.contains_key("seen_at_target"));
        world.assert_clean(&world.leftovers());
    });
}

/// "Out", FAILURES 12: sessions on the target are told to end until none is left; until then nothing is removed.
#[test]
fn nothing_is_removed_while_a_session_runs() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let account = client.joined.account.to_string();
        let stubborn = client.target.log_in(&account, 9).unwrap();
        let target = Arc::clone(&client.target);
        let alive = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&alive);
        let note = move || noted.lock().unwrap().push(target.is_logged_in(stubborn));
        script.on(What::Close(Remove), ALWAYS, Do::First(Arc::new(note)));
        client.leave();
        world.cleaned(&process, 120).await;
        assert_eq!(*alive.lock().unwrap(), [false]);
        assert_eq!(script.count(What::Close(EndSessions)), 10);
    });
}

/// "Out": the account is known by the id that the target gave it, which is durable before the step that makes it
/// unfindable — here the answer to its creation was lost, and the id is learnt from a look.
#[test]
fn the_identity_is_durable_before_removal() {
    let (world, script) = stage();
    let ledger = Arc::clone(&world.ledger);
    let known = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&known);
    script.on(What::Open, 1, Do::Late(secs(0)));
    let look = move || {
        let row = ledger.books().changes.values().next().unwrap().clone();
        *noted.lock().unwrap() = row.native_id;
    };
    script.on(What::Close(Remove), 1, Do::First(Arc::new(look)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        assert_eq!(Want::made("alice").join(&process).await.unwrap_err().class, FailureClass::OutcomeUnknown);
        world.cleaned(&process, 60).await;
        assert!(known.lock().unwrap().is_some());
    });
}

/// "Out": an account that was renamed, or dropped under a running session, is found by its id and leaves nobody in.
#[test]
fn what_was_renamed_or_dropped_is_found_by_its_identity() {
    for dropped in [false, true] {
        let (world, _) = stage();
        world.live(|process| async {
            let process = process;
            process.start().await;
            let client = Want::made("alice").connect(&process).await.unwrap();
            let account = client.joined.account.to_string();
            if dropped {
                client.target.remove_account(&account);
            } else {
                client.target.rename_account(&account, "hidden");
            }
            drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
            let (target, native) = (Arc::clone(&client.target), client.native);
            world.cleaned(&process, 60).await;
            assert!(!target.is_logged_in(native) && !target.has_account("hidden"));
        });
    }
}

/// "Out" and "Ledger and audit": cutting, closing and ending sessions go on while the store is down; dropping the account
/// waits for it. Events follow when it is back, and a gap marker counts those that did not fit.
#[test]
fn access_ends_while_the_store_is_down_and_removal_waits() {
    let (world, script) = stage();
    script.on(What::Close(EndSessions), 1, Do::Report(10_500));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let mut client = Want::made("alice").connect(&process).await.unwrap();
        let account = client.joined.account.to_string();
        world.faults.set_store_down(true);
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
        assert_eq!(client.cut().await, EndReason::Terminated);
        process.sleep(secs(30)).await;
        assert!(!client.target.is_logged_in(client.native));
        assert!(!client.target.snapshot().accounts[&account].can_log_in);
        assert_eq!(script.count(What::Close(Remove)), 0);
        assert_eq!(world.change_of(&client.joined.session).state, ChangeState::Present, "the row still says so");
        world.faults.set_store_down(false);
        world.cleaned(&process, 60).await;
        process.sleep(secs(10)).await;
        assert_eq!(world.events(EventKind::AccountDisabled).len(), 1);
        let lost: Vec<_> =
            world.events(EventKind::AuditGap).iter().map(|gap| gap.detail["events_lost"].clone()).collect();
        assert_eq!(lost, ["501"], "10,501 events wanted to wait and 10,000 may");
    });
}

/// "Out": a stuck step never holds back one that takes more access away, nor one that can be done without it.
#[test]
fn a_stuck_disable_holds_nothing_back() {
    let (world, script) = stage();
    script.on(What::Close(Disable), ALWAYS, Do::Fail(FailureClass::NotPermitted));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
        world.cleaned(&process, 5).await;
        assert!(!client.target.is_logged_in(client.native));
    });
}

/// "Out", FAILURES 34: where handing over is stuck, nobody is in and nobody gets in, it is said why, and it goes on being
/// tried until it can be done.
#[test]
fn a_stuck_hand_over_leaves_nobody_in() {
    let (world, script) = stage();
    script.on(What::Close(HandOver), ALWAYS, Do::Fail(FailureClass::NotPermitted));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let (session, account) = (client.joined.session.clone(), client.joined.account.to_string());
        client.target.own(&account);
        let closed = process.engine.end(&session, EndReason::Terminated, "uid:0", None).unwrap();
        assert_eq!(closed.await, Ok(Closing::Outstanding));
        assert!(!client.target.is_logged_in(client.native));
        assert!(!client.target.snapshot().accounts[&account].can_log_in);
        let row = world.change_of(&session);
        assert_eq!((row.state, row.can_log_in), (ChangeState::Withdrawing, Some(false)));
        assert_eq!(row.failure.unwrap().class, FailureClass::NotPermitted);
        process.sleep(secs(600)).await;
        assert!(world.change_of(&session).tries > 3, "it is tried again and again");
        script.clear();
        world.cleaned(&process, 400).await;
    });
}

/// "Out": a lifted account whose sessions cannot be ended loses the membership all the same.
#[test]
fn a_membership_is_withdrawn_though_its_sessions_do_not_end() {
    let (world, script) = stage();
    script.on(What::Close(EndSessions), ALWAYS, Do::Fail(FailureClass::NotPermitted));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::lift("alice", "deploy").connect(&process).await.unwrap();
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
        process.sleep(secs(2)).await;
        assert!(!client.target.is_member("deploy", "ops"));
        assert!(script.count(What::Close(Withdraw)) > 0);
        assert_eq!(world.membership_of("deploy").state, ChangeState::Withdrawing, "a session of it still runs");
        script.clear();
        world.cleaned(&process, 400).await;
    });
}

/// "States of a change": kept by policy, with the proof that it cannot log in; a retry that somebody asks for takes it up
/// again. Nothing else can be retried.
#[test]
fn what_is_kept_by_policy_can_be_taken_up_again() {
    let (world, script) = stage();
    script.on(What::Close(HandOver), ALWAYS, Do::Stays);
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let (session, account) = (client.joined.session.clone(), client.joined.account.to_string());
        client.target.own(&account);
        let id = world.change_of(&session).id;
        assert!(process.engine.retry(&id).await.is_err(), "nothing is owed yet");
        let closed = process.engine.end(&session, EndReason::Terminated, "uid:0", None).unwrap();
        assert_eq!(closed.await, Ok(Closing::Clean));
        assert_eq!(world.change_of(&session).state, ChangeState::Kept);
        assert!(!client.target.snapshot().accounts[&account].can_log_in);
        assert_eq!(world.events(EventKind::AccountKept).len(), 1);
        script.clear();
        process.engine.retry(&id).await.unwrap();
        world.cleaned(&process, 60).await;
        assert!(process.engine.retry(&id).await.is_err(), "what is absent stays absent");
    });
}

/// "States of a change": policy keeps nothing that can still log in.
#[test]
fn nothing_is_kept_that_can_log_in() {
    let (world, script) = stage();
    script.on(What::Close(HandOver), ALWAYS, Do::Stays);
    script.on(What::Close(Disable), ALWAYS, Do::Fail(FailureClass::NotPermitted));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let session = client.joined.session.clone();
        client.target.own(client.joined.account.as_str());
        drop(process.engine.end(&session, EndReason::Terminated, "uid:0", None));
        process.sleep(secs(30)).await;
        let row = world.change_of(&session);
        assert_eq!((row.kind, row.state, row.can_log_in), (ChangeKind::Account, ChangeState::Withdrawing, Some(true)));
        script.clear();
        world.cleaned(&process, 400).await;
    });
}
