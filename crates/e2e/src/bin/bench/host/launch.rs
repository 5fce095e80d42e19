//! From `ssh` to the end of `true`, and launches with their removal.

use super::raw::Raw;
use super::{HostWorld, STAY};
use crate::figures::{Row, median, millis};
use anyhow::Result;
use std::time::{Duration, Instant};

/// So many times each, in turns: a log-in past us, one to an account that is made for it raw, one that launches a session, and
/// one that joins a session.
pub(super) fn latencies(world: &HostWorld, times: usize) -> Result<Vec<Row>> {
    let mut raw = Raw::open(world)?;
    let joined = world.through_us("person1", &[STAY]).staying()?;
    let (mut direct, mut made, mut launched, mut joining) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        direct.push(world.direct(super::DIRECT, &["true"]).timed()?);
        let start = Instant::now();
        let account = raw.make()?;
        world.direct(&account.name, &["true"]).timed()?;
        made.push(millis(start.elapsed()));
        raw.remove(&account)?;
        joining.push(world.through_us("person1", &["true"]).timed()?);
        let there = world.accounts()?;
        launched.push(world.through_us("person0", &["true"]).timed()?);
        if let Some(account) = world.accounts()?.into_iter().find(|account| !there.contains(account)) {
            world.until_gone(&account)?;
        }
    }
    drop(joined);
    world.settle()?;
    Ok(vec![
        Row::latencies("SSH: launch and `true`, against log-in and `true` direct", &direct, &launched, "at most 2"),
        Row::latencies("SSH: launch and `true`, against raw account and log-in", &made, &launched, ""),
        Row::latencies("SSH: join and `true`, against log-in and `true` direct", &direct, &joining, "at most 2"),
    ])
}

/// Launches with their removals in a second by so many workers, against raw ones.
pub(super) fn rates(world: &HostWorld, workers: usize, rounds: usize, seconds: u64) -> Result<Row> {
    let (mut raw, mut ours) = (Vec::new(), Vec::new());
    let time = Duration::from_secs(seconds);
    for _ in 0..rounds {
        raw.push(rate(workers, time, |_, until| raw_worker(world, until))?);
        ours.push(rate(workers, time, |worker, until| our_worker(world, &world.persons[worker], until))?);
        world.settle()?;
    }
    let what = format!("SSH: launch + removal, {workers} worker(s)");
    Ok(Row::compared(&what, median(&raw), median(&ours), "/s", "none yet"))
}

/// How many times a second all workers together did their work.
fn rate(workers: usize, time: Duration, work: impl Fn(usize, Instant) -> Result<usize> + Sync) -> Result<f64> {
    let start = Instant::now();
    let work = &work;
    let done: Result<usize> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker, start + time))).collect();
        let ended = running.into_iter().map(|one| one.join());
        ended.map(|one| one.unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))).sum()
    });
    Ok(done? as f64 / start.elapsed().as_secs_f64())
}

fn raw_worker(world: &HostWorld, until: Instant) -> Result<usize> {
    let mut raw = Raw::open(world)?;
    let mut done = 0;
    while Instant::now() < until {
        let account = raw.make()?;
        raw.remove(&account)?;
        done += 1;
    }
    Ok(done)
}

/// A person comes, sees who they are, leaves, and comes again once the account is seen to be gone.
fn our_worker(world: &HostWorld, person: &str, until: Instant) -> Result<usize> {
    let mut done = 0;
    while Instant::now() < until {
        let account = world.machine.run(person, super::RECORD, "id -un")?;
        world.until_gone(&account)?;
        done += 1;
    }
    Ok(done)
}
