//! Scenes of DESIGN §4, "What we sent may still arrive": a look that finds nothing proves nothing yet.

use super::script::{Do, What};
use super::stage::{Want, secs, stage};
use mayfly_domain::{ChangeState, EndReason, FailureClass};
use mayfly_engine::Signal;
use mayfly_engine::ports::provider::CloseVerb::{Disable, Remove};
use std::time::Duration;

/// A create whose answer was lost takes effect after a look found nothing: the change is not let go before the last moment,
/// the account is removed when it appears, the create is never repeated, and the next launch takes a new name.
#[test]
fn a_late_create_is_waited_for_and_removed() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Late(secs(4)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        assert_eq!(Want::made("alice").join(&process).await.unwrap_err().class, FailureClass::OutcomeUnknown);
        process.sleep(secs(2)).await;
        let row = world.ledger.books().changes.values().next().unwrap().clone();
        assert!(script.count(What::Look) > 0 && !world.targets["one"].has_account(row.account.as_str()));
        assert_eq!(row.state, ChangeState::Withdrawing, "nothing was seen, and nothing follows from it");
        let client = Want::made("alice").connect(&process).await.unwrap();
        assert_ne!(client.joined.account, row.account);
        process.sleep(secs(8)).await;
        assert_eq!(script.steps(row.account.as_str()).iter().filter(|step| **step == What::Open).count(), 1);
        assert_eq!(world.ledger.books().changes[&row.id].state, ChangeState::Absent);
        assert!(script.count(What::Close(Remove)) > 0);
        client.leave();
        world.cleaned(&process, 60).await;
    });
}

/// A create that never arrives is let go by a look after its last moment, and not before.
#[test]
fn a_create_that_never_arrives_is_let_go_after_its_last_moment() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Never);
    world.live(|process| async {
        let process = process;
        process.start().await;
        assert!(Want::made("alice").join(&process).await.is_err());
        world.cleaned(&process, 60).await;
        let row = world.ledger.books().changes.values().next().unwrap().clone();
        let last_look = script.calls().iter().filter(|call| call.what == What::Look).map(|call| call.at).max().unwrap();
        assert!(last_look > row.last_moment, "{last_look} is not after {}", row.last_moment);
        assert_eq!((row.state, row.tries), (ChangeState::Absent, 0), "waiting is no failed try");
    });
}

/// ... or as soon as the connection that carried it is seen gone on the target.
#[test]
fn a_create_whose_carrier_is_gone_is_let_go_at_once() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Never);
    script.on(What::Look, 1, Do::CarrierGone);
    world.live(|process| async {
        let process = process;
        process.start().await;
        assert!(Want::made("alice").join(&process).await.is_err());
        world.cleaned(&process, 1).await;
    });
}

/// A command that reaches the target after its last moment is refused there, and nothing is made.
#[test]
fn a_command_after_its_last_moment_makes_nothing() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Slow(secs(6)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let failure = Want::made("alice").join(&process).await.unwrap_err();
        assert!(failure.text.contains("last moment"), "{failure}");
        assert_eq!(script.count(What::Close(Remove)), 0, "there was nothing to remove");
        world.cleaned(&process, 60).await;
    });
}

/// Commands run in the lane's own task: a caller that vanishes drops its interest and never the command, and the way out
/// of its launch waits in the same lane for it.
#[test]
fn a_caller_that_vanishes_does_not_take_the_command_along() {
    let (world, script) = stage();
    let gate = Signal::new();
    script.on(What::Open, 1, Do::Wait(gate.clone()));
    world.live(|process| async {
        let process = process;
        process.start().await;
        tokio::select! {
            biased;
            _ = Want::made("alice").join(&process) => panic!("nobody opened the gate"),
            () = process.sleep(secs(1)) => {}
        }
        process.sleep(secs(1)).await;
        assert_eq!(script.count(What::Close(Disable)), 0, "the lane is still taken");
        gate.set(());
        world.cleaned(&process, 60).await;
        assert_eq!(script.count(What::Close(Remove)), 1, "it was made, and then removed");
    });
}

/// The rule holds over a restart: what an earlier run had sent is waited for as long.
#[test]
fn a_restart_keeps_waiting_for_what_was_sent() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Late(Duration::from_millis(4_500)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        assert!(Want::made("alice").join(&process).await.is_err());
    });
    world.live(|process| async {
        let process = process;
        process.start().await;
        world.cleaned(&process, 60).await;
        assert_eq!(script.count(What::Open), 1);
        assert!(script.count(What::Close(Remove)) > 0, "it arrived after the restart and was removed");
    });
}

/// A membership that is taken up again while it is withdrawing is asked for a second time, and that it was seen once says
/// nothing of the second command: it may still arrive after a look that found nothing.
#[test]
fn a_late_command_of_a_membership_taken_up_again_is_waited_for() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let alice = Want::lift("alice", "deploy").connect(&process).await.unwrap();
        process.sleep(secs(10)).await;
        script.on(What::Look, 1, Do::Fail(FailureClass::Unreachable));
        drop(process.engine.end(&alice.joined.session, EndReason::Terminated, "uid:0", None));
        alice.leave();
        process.sleep(Duration::from_millis(100)).await;
        assert_eq!(world.membership_of("deploy").state, ChangeState::Withdrawing);
        script.on(What::Open, 1, Do::Late(secs(4)));
        let failure = Want::lift("bob", "deploy").join(&process).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::OutcomeUnknown);
        process.sleep(secs(30)).await;
        world.cleaned(&process, 60).await;
        let row = world.membership_of("deploy");
        let last_look = script.calls().iter().filter(|call| call.what == What::Look).map(|call| call.at).max().unwrap();
        assert!(last_look > row.last_moment, "{last_look} is not after {}", row.last_moment);
    });
}

/// Two sessions ask for one membership. That the second command was confirmed says nothing of the first.
#[test]
fn a_late_command_of_another_holder_is_waited_for() {
    let (world, script) = stage();
    let gate = Signal::new();
    script.on(What::Open, 1, Do::Lost(gate.clone(), secs(4)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let (alice, bob, ()) = tokio::join!(
            Want::lift("alice", "deploy").connect(&process),
            Want::lift("bob", "deploy").connect(&process),
            async {
                process.sleep(Duration::from_millis(100)).await;
                gate.set(());
            },
        );
        assert_eq!(script.count(What::Open), 2, "both asked");
        let (inside, outside) = match (alice, bob) {
            (Ok(client), Err(failure)) | (Err(failure), Ok(client)) => (client, failure),
            _ => panic!("one was answered and the other was not"),
        };
        assert_eq!(outside.class, FailureClass::OutcomeUnknown);
        drop(process.engine.end(&inside.joined.session, EndReason::Terminated, "uid:0", None));
        inside.leave();
        process.sleep(secs(30)).await;
        world.cleaned(&process, 60).await;
    });
}
