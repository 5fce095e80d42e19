//! Scenes of DESIGN §4, "Existing accounts": only what we did is undone, and overlapping elevations are counted.

use super::script::{ALWAYS, Do, What};
use super::stage::{Want, secs, stage};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ChangeState, FailureClass};
use mayfly_engine::ports::provider::CloseVerb::Withdraw;
use std::sync::Arc;

/// FAILURES 46: a membership that was there before is not added, not taken away, and the trail says so.
#[test]
fn what_was_there_before_stays() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        Want::lift("alice", "dba").connect(&process).await.unwrap().leave();
        world.cleaned(&process, 60).await;
        assert_eq!(world.membership_of("dba").state, ChangeState::Released);
        assert_eq!((script.count(What::Open), script.count(What::Close(Withdraw))), (0, 0));
        assert_eq!(world.events(EventKind::MembershipAlreadyPresent).len(), 1);
        assert_eq!(world.events(EventKind::MembershipReleased).len(), 1);
        assert!(world.targets["one"].is_member("dba", "ops"));
    });
}

/// Adding reports whether it added: somebody else's grant between our look and our command counts as prior.
#[test]
fn what_others_added_meanwhile_stays() {
    let (world, script) = stage();
    let target = Arc::clone(&world.targets["one"]);
    let add = move || target.add_group("ops", &["deploy"]);
    script.on(What::Open, 1, Do::First(Arc::new(add)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        Want::lift("alice", "deploy").connect(&process).await.unwrap().leave();
        process.sleep(secs(30)).await;
        let row = world.membership_of("deploy");
        assert_eq!((row.prior, row.state), (true, ChangeState::Released));
        assert!(world.targets["one"].is_member("deploy", "ops"));
        assert_eq!(script.count(What::Close(Withdraw)), 0);
    });
}

/// FAILURES 41: overlapping elevations are counted, the last one out removes; who leaves earlier ends only what their own
/// connection started.
#[test]
fn the_last_one_out_removes() {
    let (world, _) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let alice = Want::lift("alice", "deploy").connect(&process).await.unwrap();
        let bob = Want::lift("bob", "deploy").connect(&process).await.unwrap();
        assert_eq!(world.ledger.books().holds.len(), 2);
        drop(process.engine.end(&alice.joined.session, mayfly_domain::EndReason::Terminated, "uid:0", None));
        process.sleep(secs(5)).await;
        assert!(!alice.target.is_logged_in(alice.native));
        assert!(bob.target.is_logged_in(bob.native) && bob.target.is_member("deploy", "ops"));
        assert_eq!(world.membership_of("deploy").state, ChangeState::Present);
        assert_eq!(world.ledger.books().holds.len(), 1);
        bob.leave();
        world.cleaned(&process, 60).await;
        assert_eq!(world.membership_of("deploy").state, ChangeState::Absent);
    });
}

/// Elevation is exclusive by default, whichever of the two asks for it; the refusal says whom to wait for.
#[test]
fn an_exclusive_elevation_is_not_shared() {
    let alone = |person| Want { exclusive: true, ..Want::lift(person, "deploy") };
    for (first, second) in
        [(alone("alice"), Want::lift("bob", "deploy")), (Want::lift("alice", "deploy"), alone("bob"))]
    {
        let (world, _) = stage();
        world.live(|process| async {
            let process = process;
            process.start().await;
            let client = first.connect(&process).await.unwrap();
            let failure = second.join(&process).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::Conflict);
            assert_eq!(failure.text, "account deploy is lifted into ops by another session: wait until it has ended");
            client.leave();
            world.cleaned(&process, 60).await;
            second.connect(&process).await.unwrap().leave();
            world.cleaned(&process, 60).await;
        });
    }
}

/// A hold taken while the membership is withdrawing turns it back and keeps what was there before: since when it is held,
/// and that it was ours.
#[test]
fn a_hold_taken_while_withdrawing_turns_it_back() {
    let (world, script) = stage();
    script.on(What::Close(Withdraw), ALWAYS, Do::Fail(FailureClass::NotPermitted));
    world.live(|process| async {
        let process = process;
        process.start().await;
        Want::lift("alice", "deploy").connect(&process).await.unwrap().leave();
        process.sleep(secs(20)).await;
        let before = world.membership_of("deploy");
        assert_eq!(before.state, ChangeState::Withdrawing);
        script.clear();
        let bob = Want::lift("bob", "deploy").connect(&process).await.unwrap();
        let row = world.membership_of("deploy");
        assert_eq!((&row.id, row.state, row.prior), (&before.id, ChangeState::Present, false));
        assert_eq!(row.held_since, before.held_since);
        process.sleep(secs(60)).await;
        assert!(bob.target.is_member("deploy", "ops"), "the old debt is not collected under the new session");
        bob.leave();
        world.cleaned(&process, 60).await;
        assert_eq!(world.membership_of("deploy").state, ChangeState::Absent);
    });
}

/// At the end our own connections end and, by the record's setting, what logged in as that account since the first hold.
/// Sessions older than that are never ended.
#[test]
fn bystanders_go_on_by_the_records_setting() {
    for end_other_sessions in [true, false] {
        let (world, _) = stage();
        world.live(|process| async {
            let process = process;
            process.start().await;
            let want = Want { end_other_sessions, ..Want::lift("alice", "deploy") };
            let client = want.connect(&process).await.unwrap();
            let (target, ours) = (Arc::clone(&client.target), client.native);
            process.sleep(secs(1)).await;
            let other = target.log_in("deploy", 0).unwrap();
            drop(process.engine.end(&client.joined.session, mayfly_domain::EndReason::Terminated, "uid:0", None));
            process.sleep(secs(10)).await;
            assert!(!target.is_logged_in(ours));
            assert_eq!(target.is_logged_in(other), !end_other_sessions);
            target.log_out(other);
            // The snapshot before holds a session of `deploy` that is an hour old: it has to be there still.
            world.cleaned(&process, 60).await;
        });
    }
}
