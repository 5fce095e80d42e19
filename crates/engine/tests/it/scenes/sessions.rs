//! Scenes of DESIGN §4, "Sessions": one live session for each (person, record), and all the ways in which one ends.

use super::script::{Do, What};
use super::stage::{Want, secs, stage};
use crate::world::{DURATION, LINGER};
use mayfly_domain::EndReason;
use mayfly_domain::audit::EventKind;
use mayfly_engine::Signal;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::provider::CloseVerb::{Disable, EndSessions, Withdraw};

/// A second connection joins the session; another person has one of their own (FAILURES 47).
#[test]
fn a_second_connection_joins_the_same_session() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let first = Want::made("alice").connect(&process).await.unwrap();
        let second = Want::made("alice").connect(&process).await.unwrap();
        let other = Want::made("bob").connect(&process).await.unwrap();
        assert_eq!(first.joined.session, second.joined.session);
        assert_eq!(first.joined.account, second.joined.account);
        assert_ne!(first.joined.session, other.joined.session);
        assert_eq!((script.count(What::Open), process.engine.running()), (2, 2));
        first.leave();
        process.sleep(LINGER * 2).await;
        assert!(second.joined.cut.get().is_none(), "the linger starts with the last connection");
        second.leave();
        other.leave();
        world.cleaned(&process, 60).await;
        assert_eq!(world.events(EventKind::ConnectionClosed).len(), 3);
    });
}

/// Who knocks while the session is being launched waits for that launch; one of them going away changes nothing.
#[test]
fn everybody_waits_for_one_launch() {
    let (world, script) = stage();
    let gate = Signal::new();
    script.on(What::Open, 1, Do::Wait(gate.clone()));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let impatient = async {
            tokio::select! {
                biased;
                _ = Want::made("alice").join(&process) => panic!("nobody opened the gate"),
                () = process.sleep(secs(1)) => gate.set(()),
            }
        };
        let (first, second, ()) =
            tokio::join!(Want::made("alice").connect(&process), Want::made("alice").connect(&process), impatient);
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.joined.session, second.joined.session);
        assert_eq!(script.count(What::Open), 1);
        first.leave();
        second.leave();
        world.cleaned(&process, 60).await;
    });
}

/// A launch is abandoned when its last waiter is gone, and so is a session that no connection ever used.
#[test]
fn a_launch_that_nobody_waits_for_is_taken_back() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Slow(secs(2)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        tokio::select! {
            biased;
            _ = Want::made("alice").join(&process) => panic!("the launch takes longer"),
            () = process.sleep(secs(1)) => {}
        }
        world.cleaned(&process, 60).await;
        drop(Want::made("alice").join(&process).await.unwrap());
        world.cleaned(&process, 60).await;
        let ends: Vec<_> = world.events(EventKind::SessionStopped).iter().map(|e| e.detail["end"].clone()).collect();
        assert_eq!(ends, ["abandoned", "abandoned"]);
    });
}

/// Nobody joins a session that is ending: the next connection launches another, with another account.
#[test]
fn nobody_joins_a_session_that_is_ending() {
    let (world, script) = stage();
    let gate = Signal::new();
    script.on(What::Close(Disable), 1, Do::Wait(gate.clone()));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let first = Want::made("alice").connect(&process).await.unwrap();
        drop(process.engine.end(&first.joined.session, EndReason::Terminated, "uid:0", None));
        process.sleep(secs(2)).await;
        let second = Want::made("alice").connect(&process).await.unwrap();
        assert_ne!(first.joined.session, second.joined.session);
        assert_ne!(first.joined.account, second.joined.account);
        gate.set(());
        second.leave();
        world.cleaned(&process, 60).await;
    });
}

/// Within the linger a new connection finds its session; after it the session stops.
#[test]
fn a_session_lingers_and_then_stops() {
    let (world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let first = Want::made("alice").connect(&process).await.unwrap();
        let session = first.joined.session.clone();
        first.leave();
        process.sleep(LINGER / 2).await;
        let again = Want::made("alice").connect(&process).await.unwrap();
        assert_eq!(again.joined.session, session);
        again.leave();
        world.cleaned(&process, 60).await;
        assert_eq!(world.ledger.books().sessions[&session].end_reason, Some(EndReason::Stopped));
    });
}

/// Promise 4: at the deadline the connection is cut with its reason, and everything goes out.
#[test]
fn the_deadline_ends_a_session() {
    let (world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let mut client = Want::made("alice").connect(&process).await.unwrap();
        process.sleep(DURATION - secs(1)).await;
        assert!(client.joined.cut.get().is_none());
        assert_eq!(client.cut().await, EndReason::Expired);
        world.cleaned(&process, 60).await;
        assert!(!client.target.is_logged_in(client.native));
        assert_eq!(world.events(EventKind::SessionExpired).len(), 1);
    });
}

/// An administrator ends a session: the person reads the text, the trail says who it was, and nobody is served instead.
#[test]
fn an_administrators_words_reach_the_person() {
    let (world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let text = Some("the database moves".to_owned());
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:7", text));
        let cut = client.joined.cut.wait().await;
        assert_eq!(cut.sentence, "an administrator ended this session: the database moves");
        world.cleaned(&process, 60).await;
        let event = &world.events(EventKind::SessionTerminated)[0];
        assert_eq!((event.actor.as_str(), event.reason.as_deref()), ("uid:7", Some("the database moves")));
        assert!(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:7", None).is_none());
    });
}

/// A server that stops takes its sessions out first.
#[test]
fn a_server_that_stops_leaves_nothing() {
    let (world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let mut client = Want::made("alice").connect(&process).await.unwrap();
        let lifted = Want::lift("bob", "deploy").connect(&process).await.unwrap();
        process.engine.stop(secs(30)).await;
        assert_eq!(client.cut().await, EndReason::ServerStopped);
        assert!(!lifted.target.is_logged_in(lifted.native));
        world.assert_clean(&world.leftovers());
    });
}

/// After a restart the sessions of earlier runs go out, and the trail says why.
#[test]
fn sessions_of_earlier_runs_go_out() {
    let (world, _) = stage();
    let killed = world.live(|process| async {
        let process = process;
        process.start().await;
        let _client = Want::made("alice").connect(&process).await.unwrap();
        let _lifted = Want::lift("bob", "deploy").connect(&process).await.unwrap();
        world.faults.crash_after(1);
        Want::made("carol").join(&process).await.unwrap_err();
    });
    assert!(killed);
    world.live(|process| async {
        let process = process;
        process.engine.start().await.unwrap();
        world.cleaned(&process, 60).await;
        let events = world.events(EventKind::SessionTerminated);
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|event| event.detail["end"] == "server_lost"));
    });
}

/// However many sessions an earlier run left on a target that does not answer: a start waits for none of them, and people get on.
#[test]
fn a_start_waits_for_no_target() {
    let (mut world, script) = stage();
    world.settings.passes = 1;
    world.live(|process| async {
        let process = process;
        process.start().await;
        let _client = Want::made("alice").connect(&process).await.unwrap();
        let _lifted = Want::lift("bob", "deploy").connect(&process).await.unwrap();
        world.faults.crash_after(1);
        Want::made("carol").join(&process).await.unwrap_err();
    });
    let gate = Signal::new();
    for verb in [Disable, EndSessions, Withdraw] {
        script.on(What::Close(verb), 1, Do::Wait(gate.clone()));
    }
    world.live(|process| async {
        let process = process;
        let before = process.clock.boot();
        process.engine.start().await.unwrap();
        assert_eq!(process.clock.boot(), before, "the clock of a simulation stands still unless somebody waits");
        Want::made("dave").connect(&process).await.unwrap().leave();
        gate.set(());
        world.cleaned(&process, 120).await;
    });
}

/// Promise 6: somebody who uses the account past us is ended and recorded while the session lasts; our connections are not,
/// nor is one of ours that is just coming in.
#[test]
fn a_session_that_is_not_ours_is_ended_while_ours_lasts() {
    let (world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let account = client.joined.account.clone();
        process.sleep(secs(7)).await;
        let past_us = client.target.log_in(account.as_str(), 0).unwrap();
        let coming = Want::made("alice").join(&process).await.unwrap();
        let native = client.target.log_in(account.as_str(), 0).unwrap();
        process.sleep(secs(35)).await;
        assert!(client.target.is_logged_in(past_us), "it may be the one that is coming in");
        assert!(client.target.is_logged_in(native));
        coming.seat.started(Some(native.to_string())).await.unwrap();
        process.sleep(secs(21)).await;
        assert!(!client.target.is_logged_in(past_us));
        assert!(client.target.is_logged_in(native) && client.target.is_logged_in(client.native));
        let events = world.events(EventKind::ConnectionForeign);
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].session.as_ref(), Some(&client.joined.session));
        client.target.log_out(native);
        drop(coming);
        client.leave();
        world.cleaned(&process, 60).await;
    });
}

/// Promise 6 and "Failures": a target that hangs gathers no looks, and the end of the session waits for none of them.
#[test]
fn a_look_that_hangs_holds_nothing_back() {
    let (world, script) = stage();
    let gate = Signal::new();
    script.on(What::Look, 1, Do::Wait(gate.clone()));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let mut client = Want::made("alice").connect(&process).await.unwrap();
        process.sleep(secs(55)).await;
        assert_eq!(script.count(What::Look), 1);
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
        assert_eq!(client.cut().await, EndReason::Terminated);
        process.sleep(secs(1)).await;
        assert!(!client.target.is_logged_in(client.native));
        gate.set(());
        world.cleaned(&process, 60).await;
    });
}
