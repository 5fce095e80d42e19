//! The simulation (DESIGN §7): people come and go, targets and the store fail, commands arrive late, clocks jump, the
//! process dies — and in the end nothing is left, nothing that was there is gone, and nobody is still in.

use crate::world::{Mutation, Process, RECORDS, World};
use mayfly_contract::entropy::Seeded;
use mayfly_contract::faults::Faults;
use mayfly_domain::EndReason;
use mayfly_engine::Closing;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How long everything may take to be over once nothing goes wrong any more.
const QUIET: Duration = Duration::from_secs(7200);
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

/// Runs one seed and says what went wrong.
pub(crate) fn run(seed: u64, mutation: Mutation) -> (World, Vec<String>) {
    let mut random = Seeded::new(seed);
    let faults = Faults::seeded(random.next(), 4 + random.below(12), 15 + random.below(30));
    let mut world = World::new(seed, faults);
    world.mutation = mutation;
    world.twice = random.one_in(4);
    let mut wrong = Vec::new();
    for _ in 0..=random.below(3) {
        if random.one_in(2) {
            world.faults.crash_after(1 + random.below(120));
        }
        let script = Seeded::new(random.next());
        world.live(|process| people(&world, process, script));
        close_client_streams(&world, &mut random);
        wrong.extend(world.invariants());
    }
    world.faults.heal();
    world.live(|process| settle(&world, process));
    wrong.extend(world.leftovers());
    (world, wrong)
}

/// A process that died took its connections along; half of the time the target has not noticed yet.
fn close_client_streams(world: &World, random: &mut Seeded) {
    for (host, target) in &world.targets {
        let before = &world.before[host].sessions;
        for id in target.snapshot().sessions.keys().filter(|id| !before.contains_key(id)) {
            if random.one_in(2) {
                target.log_out(*id);
            }
        }
    }
}

/// Lets everything come to an end, checking the promise on the way.
async fn settle(world: &World, process: Process) {
    process.start().await;
    let end = process.clock.true_time().plus(QUIET);
    while process.clock.true_time() < end && !world.is_over() {
        process.sleep(Duration::from_secs(5)).await;
    }
}

/// What people and the world do during one life of the process.
async fn people(world: &World, process: Process, mut random: Seeded) {
    process.start().await;
    let local = tokio::task::LocalSet::new();
    let visits = Rc::new(RefCell::new(Vec::new()));
    local
        .run_until(async {
            for visit in 0..(4 + random.below(10)) {
                act(world, &process, &mut random, &visits, visit);
                process.sleep(Duration::from_millis(random.below(20_000))).await;
            }
            if random.one_in(2) {
                process.engine.stop(Duration::from_secs(random.below(20))).await;
            } else {
                process.sleep(Duration::from_secs(random.below(200))).await;
            }
        })
        .await;
}

type Visits = Rc<RefCell<Vec<mayfly_domain::SessionId>>>;

/// One thing that happens.
fn act(world: &World, process: &Process, random: &mut Seeded, visits: &Visits, visit: u64) {
    match random.below(12) {
        0..=6 => {
            let person = PEOPLE[usize::try_from(random.below(3)).unwrap()];
            let record = RECORDS[usize::try_from(random.below(RECORDS.len() as u64)).unwrap()].0;
            let (process, visits, random) = (process.clone(), Rc::clone(visits), Seeded::new(random.next() ^ visit));
            #[expect(clippy::disallowed_methods, reason = "a person in a simulation owns nothing that has to end")]
            drop(tokio::task::spawn_local(come_and_go(process, person, record, random, visits)));
        }
        7 => {
            if let Some(session) = visits.borrow().last() {
                // Its answer is of no interest here; the end of the run shows whether it worked.
                drop(process.engine.end(session, EndReason::Terminated, "uid:0", None));
            }
        }
        8 => step_wall(world, random),
        9 => world.faults.set_target_down(random.one_in(2)),
        10 => world.faults.set_store_down(random.one_in(3)),
        _ => {
            world.faults.set_target_down(false);
            world.faults.set_store_down(false);
            world.clock.set_wall_right();
        }
    }
}

/// Steps the wall clock: a little, so that targets are only seen to differ, or so much that launches are refused until it
/// is right again.
fn step_wall(world: &World, random: &mut Seeded) {
    let most = if random.one_in(2) { 240 } else { 3600 };
    let seconds = i64::try_from(random.below(2 * most)).unwrap() - i64::try_from(most).unwrap();
    world.clock.step_wall(seconds * 1_000_000);
}

/// One visit: connect, do something, leave — or give up waiting.
async fn come_and_go(process: Process, person: &str, record: &str, mut random: Seeded, visits: Visits) {
    let patience = Duration::from_millis(random.below(3_000));
    let connecting = process.connect(person, record, random.next());
    let client = if random.one_in(4) {
        tokio::select! {
            biased;
            client = connecting => client,
            () = process.sleep(patience) => return,
        }
    } else {
        connecting.await
    };
    let Ok(mut client) = client else { return };
    visits.borrow_mut().push(client.joined.session.clone());
    if client.joined.secret.is_some() && random.one_in(3) {
        client.target.own(client.joined.account.as_str());
    }
    // They may open a session past us: it has to end with the account.
    let past_us = client.joined.secret.is_some() && random.one_in(3);
    if past_us {
        client.target.log_in(client.joined.account.as_str(), u32::try_from(random.below(3)).unwrap());
    }
    let stay = Duration::from_millis(random.below(200_000));
    tokio::select! {
        biased;
        _ = client.cut() => {}
        () = process.sleep(stay) => {}
    }
    client.leave();
}

/// The seeds to run: all that this run is to try, or the one that somebody asked for.
fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("MAYFLY_SEED") {
        return vec![seed.parse().expect("MAYFLY_SEED is a number")];
    }
    let most = if std::env::var_os("MAYFLY_LONG").is_some() { 10_000 } else { 200 };
    (0..most).collect()
}

/// Does something with each seed, on all cores. A seed is a world of its own on a single-threaded runtime of its own, so
/// that it goes the same way whichever thread it runs on.
fn each<T: Send>(seeds: &[u64], work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, seed)) = {
            let at = next.fetch_add(1, Relaxed);
            seeds.get(at).map(|seed| (at, *seed))
        } {
            done.push((at, work(seed)));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs one seed: how many changes it made, or what was wrong.
fn tried(seed: u64) -> Result<usize, String> {
    let run = std::panic::catch_unwind(|| {
        let (world, wrong) = run(seed, Mutation::default());
        let launched = world.ledger.read(|books| books.changes.len());
        world.report(&wrong).map_or(Ok(launched), Err)
    });
    run.unwrap_or_else(|_| Err(format!("MAYFLY_SEED={seed}: panicked")))
}

#[test]
fn whatever_goes_wrong_nothing_is_left_and_nothing_else_is_touched() {
    let seeds = seeds();
    let results = each(&seeds, tried);
    let failed: Vec<u64> =
        seeds.iter().zip(&results).filter(|(_, result)| result.is_err()).map(|(seed, _)| *seed).collect();
    if let Some(first) = results.iter().find_map(|result| result.as_ref().err()) {
        panic!("{} of {} seeds failed: {failed:?}\nthe first of them: {first}", failed.len(), seeds.len());
    }
    let launched = results.iter().flatten().filter(|changes| **changes > 0).count();
    // One seed alone may well be one in which nobody got in.
    assert!(
        seeds.len() == 1 || launched > seeds.len() / 2,
        "only {launched} of {} seeds launched anything",
        seeds.len()
    );
}

/// The second time on another thread: nothing that a seed does may hang on the thread, or on what ran there before.
#[test]
fn a_seed_replays_step_by_step() {
    let twice: Vec<u64> = [3, 17, 42, 108].into_iter().flat_map(|seed| [seed, seed]).collect();
    let runs = each(&twice, |seed| {
        let world = run(seed, Mutation::default()).0;
        (world.faults.trace(), world.ledger.books().events)
    });
    for (seed, pair) in twice.chunks(2).zip(runs.chunks(2)) {
        assert_eq!(pair[0].0, pair[1].0, "seed {}", seed[0]);
        assert_eq!(pair[0].1.len(), pair[1].1.len(), "seed {}", seed[0]);
        for (one, other) in pair[0].1.iter().zip(&pair[1].1) {
            assert_eq!(one, other, "seed {}", seed[0]);
        }
    }
}

#[test]
fn a_quiet_run_closes_every_session_cleanly() {
    let world = World::new(1, Faults::default());
    world.live(|process| async move {
        process.start().await;
        let client = process.connect("alice", "lifted", 1).await.unwrap();
        let session = client.joined.session.clone();
        let closed = process.engine.end(&session, EndReason::Terminated, "uid:0", None).unwrap();
        client.leave();
        assert_eq!(closed.await, Ok(Closing::Clean));
    });
    world.assert_clean(&world.leftovers());
}
