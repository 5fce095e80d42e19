//! Scenes of DESIGN §4, "Limits" and "Time": every limit is explicit, cutting comes first, and a clock that jumps ends nothing
//! too early and nothing too late.

use super::script::{ALWAYS, Do, What};
use super::stage::{Want, secs, stage};
use crate::world::{Client, DURATION, LINGER};
use mayfly_contract::target::FakeTarget;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{EndReason, FailureClass};
use mayfly_engine::ports::clock::Clock as _;
use mayfly_engine::ports::provider::CloseVerb::{Disable, Remove, Withdraw};
use mayfly_engine::ports::provider::Pace;
use mayfly_engine::{Settings, Signal};
use std::sync::Arc;
use std::time::Duration;

const PEOPLE: [&str; 12] = ["alice", "bob", "carol", "dan", "eve", "fred", "gina", "hal", "ida", "jan", "kim", "lea"];

/// Launches in flight and waiting are limited for each target; one more is told so and has changed nothing.
#[test]
fn one_launch_too_many_is_busy() {
    let (mut world, script) = stage();
    world.settings = Settings { launches_per_target: 2, launches_waiting: 3, ..Settings::default() };
    let gate = Signal::new();
    script.on(What::Survey, 2, Do::Wait(gate.clone()));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let joins = futures_util::future::join_all(PEOPLE[..6].iter().map(|person| Want::made(person).join(&process)));
        let open = async {
            process.sleep(secs(1)).await;
            gate.set(());
        };
        let (answers, ()) = tokio::join!(joins, open);
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].class, FailureClass::Busy);
        assert!(refused[0].text.contains("too many launches wait"), "{}", refused[0]);
        drop(answers);
        world.cleaned(&process, 60).await;
    });
}

/// FAILURES 23 and 27: commands on one target never exceed their limit, and what waits together goes together.
#[test]
fn commands_are_limited_and_go_together() {
    for (batch, most, disables) in [(1, 4, PEOPLE.len()), (32, 1, 1)] {
        let (mut world, script) = stage();
        world.settings = Settings { batch, ..Settings::default() };
        world.live(|process| async {
            let process = process;
            process.start().await;
            let mut clients = Vec::new();
            for person in PEOPLE {
                clients.push(Want::made(person).connect(&process).await.unwrap());
            }
            script.on(What::Close(Disable), ALWAYS, Do::Slow(Duration::from_millis(50)));
            for client in &clients {
                drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
            }
            world.cleaned(&process, 60).await;
            let batches = script.batches();
            let sizes: Vec<_> = batches.iter().filter(|(what, _)| *what == What::Close(Disable)).collect();
            assert_eq!((script.most(), sizes.len()), (most, disables), "{sizes:?}");
            assert_eq!(sizes.iter().map(|(_, size)| size).sum::<usize>(), PEOPLE.len());
        });
    }
}

/// Where a kind of target takes what waits together, what comes while one survey is under way is asked for at once, and so is what
/// is to be made then.
#[test]
fn what_comes_while_a_batch_is_under_way_goes_together() {
    let (world, script) = stage();
    script.pace(Pace::Together);
    let gate = Signal::new();
    script.on(What::Survey, 1, Do::Wait(gate.clone()));
    script.on(What::Open, ALWAYS, Do::Slow(Duration::from_millis(20)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let first = Want::made(PEOPLE[0]).join(&process);
        let others = async {
            process.sleep(Duration::from_millis(10)).await;
            futures_util::future::join_all(PEOPLE[1..].iter().map(|person| Want::made(person).join(&process))).await
        };
        let open = async {
            process.sleep(Duration::from_millis(100)).await;
            gate.set(());
        };
        let (first, others, ()) = tokio::join!(first, others, open);
        assert!(first.is_ok() && others.iter().all(Result::is_ok));
        let sizes =
            |what| script.batches().into_iter().filter(|(of, _)| *of == what).map(|(_, size)| size).collect::<Vec<_>>();
        assert_eq!(sizes(What::Survey), [1, PEOPLE.len() - 1]);
        assert_eq!(sizes(What::Open), [1, PEOPLE.len() - 1]);
        drop((first, others));
        world.cleaned(&process, 60).await;
    });
}

/// ... but what does not get on keeps nobody else back for long.
#[test]
fn a_batch_that_is_stuck_keeps_nobody_back() {
    for what in [What::Survey, What::Open, What::Close(Disable), What::Close(Remove)] {
        let (world, script) = stage();
        script.pace(Pace::Together);
        let gate = Signal::new();
        script.on(what, 1, Do::Wait(gate.clone()));
        world.live(|process| async {
            let process = process;
            process.start().await;
            // What was stuck for too long makes nothing any more.
            let alice = async { Want::made("alice").connect(&process).await.map(Client::leave) };
            let bob = async {
                process.sleep(Duration::from_millis(50)).await;
                let start = process.clock.boot();
                let client = Want::made("bob").connect(&process).await.unwrap();
                let (account, target) = (client.joined.account.clone(), Arc::clone(&client.target));
                client.leave();
                while target.has_account(account.as_str()) {
                    process.sleep(Duration::from_millis(100)).await;
                }
                assert!(process.clock.boot().since(start) < LINGER + secs(2), "{what:?}");
                gate.set(());
            };
            drop(tokio::join!(alice, bob).0);
            world.cleaned(&process, 60).await;
        });
    }
}

/// Cutting access comes first: launches that fill the queue do not keep anybody in.
#[test]
fn cutting_does_not_wait_for_launches() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::lift("alice", "deploy").connect(&process).await.unwrap();
        script.on(What::Open, ALWAYS, Do::Slow(secs(3)));
        let launches = futures_util::future::join_all(PEOPLE.iter().map(|person| Want::made(person).join(&process)));
        let cut = async {
            process.sleep(secs(1)).await;
            drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None));
            process.sleep(secs(1)).await;
            assert!(!client.target.is_logged_in(client.native));
            assert_eq!(script.count(What::Close(Withdraw)), 1);
            assert!(!client.target.is_member("deploy", "ops"));
        };
        let (answers, ()) = tokio::join!(launches, cut);
        drop(answers);
        world.cleaned(&process, 120).await;
    });
}

/// "Time": a session lasts as long as was granted on the boot clock, whatever the wall clock shows; a step is an event.
#[test]
fn a_jump_of_the_wall_clock_ends_nothing() {
    for hours in [-3_i64, 3] {
        let (world, script) = stage();
        world.live(|process| async {
            let process = process;
            process.start().await;
            let client = Want::made("alice").connect(&process).await.unwrap();
            assert_eq!(
                script.lifetimes()[0],
                DURATION + Settings::default().margin,
                "the target's deadline lies past ours"
            );
            world.clock.step_wall(hours * 3_600_000_000);
            process.sleep(DURATION - secs(1)).await;
            assert!(client.joined.cut.get().is_none());
            process.sleep(secs(2)).await;
            assert_eq!(client.joined.cut.get().unwrap().reason, EndReason::Expired);
            let steps: Vec<_> =
                world.events(EventKind::ClockStepped).iter().map(|event| event.detail["step_us"].clone()).collect();
            assert_eq!(steps, [(hours * 3_600_000_000).to_string()]);
            world.cleaned(&process, 60).await;
        });
    }
}

/// ... and what waits for a time of the wall clock is looked at again after a step back, not an hour later.
#[test]
fn a_step_back_does_not_put_removal_off() {
    let (world, script) = stage();
    script.on(What::Close(Remove), 3, Do::Fail(FailureClass::Conflict));
    world.live(|process| async {
        let process = process;
        process.start().await;
        Want::made("alice").connect(&process).await.unwrap().leave();
        while script.count(What::Close(Remove)) < 3 {
            process.sleep(Duration::from_millis(100)).await;
        }
        world.clock.step_wall(-3_600_000_000);
        world.cleaned(&process, 30).await;
    });
}

/// Skew of a target is shown above one limit, and refuses launches above another.
#[test]
fn a_targets_skew_is_shown_and_then_refused() {
    let (mut world, _) = stage();
    for (host, seconds) in [("late", -60), ("lost", 600)] {
        let target = Arc::new(FakeTarget::new(host, Arc::clone(&world.clock), seconds * 1_000_000));
        world.before.insert(host.to_owned(), target.snapshot());
        world.targets.insert(host.to_owned(), target);
    }
    world.live(|process| async {
        let process = process;
        process.start().await;
        Want::made("alice").connect(&process).await.unwrap().leave();
        assert_eq!(world.events(EventKind::TargetClockOff).len(), 0, "two seconds are nothing to speak of");
        let late = Want { record: "late", ..Want::made("alice").at("late") };
        late.connect(&process).await.unwrap().leave();
        let offset: i64 = world.events(EventKind::TargetClockOff)[0].detail["offset_us"].parse().unwrap();
        assert_eq!(offset / 1_000_000, -60);
        let lost = Want { record: "lost", ..Want::made("alice").at("lost") };
        let failure = lost.join(&process).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Conflict);
        assert!(failure.text.contains("off by 600 s"), "{failure}");
        world.cleaned(&process, 60).await;
    });
}
