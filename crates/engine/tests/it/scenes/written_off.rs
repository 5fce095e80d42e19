//! Scenes of DESIGN §1.2: a target that no longer exists is written off by a named person with a reason, listed for ever, and
//! looked for again.

use super::stage::{Want, secs, stage};
use mayfly_domain::audit::EventKind;
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{ChangeState, EndReason, TargetId};
use mayfly_engine::WriteOffRefusal;
use mayfly_engine::ports::ledger::Ledger;

/// What is written off is taken up when the target answers again, without anybody's doing, and also after a restart.
#[test]
fn what_is_written_off_is_removed_when_the_target_returns() {
    for restarts in [false, true] {
        let (world, _script) = stage();
        let by = authorise_administration(0, 1000).unwrap();
        let mut target = TargetId::from_text(String::new());
        let write_off = async |process: &crate::world::Process| {
            process.start().await;
            let made = Want::made("alice").connect(process).await.unwrap();
            let lifted = Want::lift("bob", "deploy").connect(process).await.unwrap();
            let target = world.change_of(&made.joined.session).target;
            world.faults.set_target_down(true);
            let refused = process.engine.write_off(&target, &by, "the rack burnt", "no answer").await;
            assert_eq!(refused, Err(WriteOffRefusal::SessionsOpen(2)));
            for session in [&made.joined.session, &lifted.joined.session] {
                drop(process.engine.end(session, EndReason::Terminated, "uid:0", None).unwrap().await);
            }
            let refused = process.engine.write_off(&target, &by, " ", "no answer").await;
            assert_eq!(refused, Err(WriteOffRefusal::NoReason));
            assert_eq!(process.engine.write_off(&target, &by, "the rack burnt", "no answer").await, Ok(2));
            let again = process.engine.write_off(&target, &by, "the rack burnt", "no answer").await;
            assert_eq!(again, Err(WriteOffRefusal::NothingOwed));
            process.sleep(secs(3600)).await;
            let row = world.change_of(&made.joined.session);
            assert_eq!(row.state, ChangeState::WrittenOff);
            assert_eq!(world.ledger.outstanding(None, 9).await.unwrap().len(), 2, "it stays listed");
            assert_eq!(world.events(EventKind::SessionClosed).len(), 2, "the sessions are over");
            target
        };
        let looks = async |process: &crate::world::Process| {
            world.faults.set_target_down(false);
            world.cleaned(process, 900).await;
        };
        world.live(|process| async {
            let process = process;
            target = write_off(&process).await;
            if !restarts {
                looks(&process).await;
            }
        });
        if restarts {
            world.live(|process| async {
                let process = process;
                process.start().await;
                looks(&process).await;
            });
        }
        let written_off = world.events(EventKind::TargetWrittenOff);
        assert_eq!((written_off.len(), written_off[0].actor.as_str()), (1, "uid:0"));
        assert_eq!(written_off[0].reason.as_deref(), Some("the rack burnt"));
        assert_eq!(world.events(EventKind::AccountWrittenOff)[0].actor, "uid:0");
        assert_eq!(world.events(EventKind::MembershipWrittenOff).len(), 1);
        assert_eq!(world.events(EventKind::TargetReturned).len(), 1);
        let notes = world.ledger.books().write_offs;
        assert_eq!((notes.len(), &notes[0].target), (1, &target), "the note stays for ever");
        assert!(notes[0].returned.is_some());
        world.assert_clean(&world.leftovers());
    }
}

/// A session of today on the target shows that it answers.
#[test]
fn a_launch_shows_that_the_target_answers() {
    let (mut world, _script) = stage();
    world.settings.written_off_look = secs(1_000_000);
    let by = authorise_administration(0, 1000).unwrap();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let target = world.change_of(&client.joined.session).target;
        world.faults.set_target_down(true);
        drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None).unwrap().await);
        process.engine.write_off(&target, &by, "gone", "").await.unwrap();
        process.sleep(secs(60)).await;
        world.faults.set_target_down(false);
        process.sleep(secs(600)).await;
        assert_eq!(world.change_of(&client.joined.session).state, ChangeState::WrittenOff, "nothing looks so soon");
        Want::made("bob").connect(&process).await.unwrap().leave();
        world.cleaned(&process, 60).await;
        assert_eq!(world.change_of(&client.joined.session).state, ChangeState::Absent);
    });
}
