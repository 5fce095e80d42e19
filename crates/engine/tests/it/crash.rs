//! DESIGN §7 and FAILURES 1, 45: the process dies before and after every single step of a session's life, and every undo
//! is run twice. The steps are counted first, so that none is left out.

use crate::world::{Process, World};
use mayfly_contract::faults::Faults;
use mayfly_domain::EndReason;
use std::time::Duration;

/// One day: three people on one target, two of them lifting the same account, one ended by an administrator.
async fn day(process: Process) {
    process.start().await;
    let alice = process.connect("alice", "lifted", 1).await.unwrap();
    let bob = process.connect("bob", "deploy-a", 2).await.unwrap();
    let carol = process.connect("carol", "deploy-b", 3).await.unwrap();
    let dba = process.connect("carol", "dba", 4).await.unwrap();
    alice.target.own(alice.joined.account.as_str());
    bob.leave();
    dba.leave();
    process.sleep(Duration::from_secs(10)).await;
    let session = carol.joined.session.clone();
    if let Some(closed) = process.engine.end(&session, EndReason::Terminated, "uid:0", None) {
        carol.leave();
        let _ = closed.await;
    }
    alice.leave();
    process.sleep(Duration::from_secs(60)).await;
}

async fn settle(world: &World, process: Process) {
    process.start().await;
    for _ in 0..200 {
        if world.is_over() {
            return;
        }
        process.sleep(Duration::from_secs(5)).await;
    }
}

/// Runs the day once without a fault and says how many steps it has.
fn steps_of_a_day(twice: bool) -> u64 {
    let mut world = World::new(1, Faults::default());
    world.twice = twice;
    assert!(!world.live(day));
    world.assert_clean(&world.leftovers());
    world.faults.steps()
}

fn crash_at_every_step(twice: bool, streams_survive: bool) {
    let steps = steps_of_a_day(twice);
    assert!(steps > 60, "a day of {steps} steps is not the day that was meant");
    let mut killed = 0;
    for step in 1..=steps {
        let mut world = World::new(step, Faults::default());
        world.twice = twice;
        world.faults.crash_after(step);
        killed += u64::from(world.live(day));
        world.assert_clean(&world.invariants());
        if !streams_survive {
            for (host, target) in &world.targets {
                let before = &world.before[host].sessions;
                target
                    .snapshot()
                    .sessions
                    .keys()
                    .filter(|id| !before.contains_key(id))
                    .for_each(|id| target.log_out(*id));
            }
        }
        world.live(|process| settle(&world, process));
        world.assert_clean(&world.leftovers());
    }
    assert_eq!(killed, steps, "a kill that never came tested nothing");
}

#[test]
fn a_crash_at_any_step_leaves_nothing() {
    crash_at_every_step(false, false);
}

/// The target has not noticed yet that the streams of the dead process are gone: the sessions are still there.
#[test]
fn a_crash_at_any_step_leaves_nobody_in() {
    crash_at_every_step(false, true);
}

#[test]
fn a_crash_at_any_step_with_every_undo_run_twice_leaves_nothing() {
    crash_at_every_step(true, true);
}

/// The recovery dies too, at each of its own steps.
#[test]
fn a_crash_of_the_recovery_at_any_step_leaves_nothing() {
    let steps = steps_of_a_day(false);
    for step in (1..=steps).step_by(7) {
        for second in 1..40 {
            let world = World::new(step, Faults::default());
            world.faults.crash_after(step);
            world.live(day);
            world.faults.restart();
            world.faults.crash_after(second);
            world.live(|process| settle(&world, process));
            world.live(|process| settle(&world, process));
            world.assert_clean(&world.leftovers());
        }
    }
}
