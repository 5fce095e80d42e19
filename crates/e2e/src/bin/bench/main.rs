//! The benchmark: one table of ratios from one run, with everything it needs started by itself. `--quick` takes a minute.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark starts tasks and processes, reads the machine's clock and prints figures"
)]

mod api;
mod clock;
mod crowd;
mod ends;
mod engine;
mod figures;
mod host;
mod launch;
mod lingering;
mod memory;
mod raw;
mod select;
mod store;
mod stored;
mod storm;
mod tls;
mod world;

use anyhow::{Result, bail};
use std::sync::Arc;
use std::time::Duration;
use world::World;

/// What can be measured by itself, in the order in which it is.
const GROUPS: [&str; 10] =
    ["launches", "selects", "ends", "expiries", "crowd", "memory", "lingering", "store", "engine", "ssh"];

/// How long and how often everything runs.
struct Effort {
    /// What is measured; everything where nothing is named.
    only: Vec<String>,
    /// Each signs in, and has a session when all expire at one moment.
    persons: usize,
    rounds: usize,
    seconds: u64,
    ends: usize,
    /// How long a session lasts that is to expire: long enough to open one for everybody.
    expiry: Duration,
    idle: usize,
    /// How often each kind of log-in over SSH is done.
    log_ins: usize,
    /// The size of the file that is copied, in MiB.
    copied: u64,
    /// Idle sessions over SSH, one for each person.
    sessions: usize,
    /// How many records everybody opens, and how long these sessions wait, which all expire at one moment.
    lingering: lingering::Size,
    /// Live sessions in the ledger at a start.
    ledger: u64,
    /// Accounts that are on a target already.
    accounts: usize,
}

impl Effort {
    fn wants(&self, group: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|named| named == group)
    }
}

const FULL: Effort = Effort {
    only: Vec::new(),
    persons: 1000,
    rounds: 5,
    seconds: 5,
    ends: 100,
    expiry: Duration::from_secs(150),
    idle: 200,
    log_ins: 100,
    copied: 1024,
    sessions: 200,
    lingering: lingering::Size { records: 15, duration: Duration::from_secs(300) },
    ledger: 256_000,
    accounts: 10_000,
};
const QUICK: Effort = Effort {
    only: Vec::new(),
    persons: 64,
    rounds: 2,
    seconds: 2,
    ends: 20,
    expiry: Duration::from_secs(20),
    idle: 50,
    log_ins: 20,
    copied: 256,
    sessions: 50,
    lingering: lingering::Size { records: 4, duration: Duration::from_secs(30) },
    ledger: 16_000,
    accounts: 10_000,
};

fn main() -> Result<()> {
    let mut only: Vec<String> = std::env::args().skip(1).collect();
    let quick = only.first().is_some_and(|first| first == "--quick");
    only.drain(..usize::from(quick));
    if let Some(other) = only.iter().find(|named| !GROUPS.contains(&named.as_str())) {
        bail!("takes --quick, and what to measure: {} is none of {}", other, GROUPS.join(", "));
    }
    let effort = Effort { only, ..if quick { QUICK } else { FULL } };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run(&effort))
}

async fn run(effort: &Effort) -> Result<()> {
    let (load_before, cores) = (figures::load(), std::thread::available_parallelism()?);
    let world = Arc::new(World::start(effort.persons).await?);
    let mut rows = Vec::new();
    let measured = match measure(&world, effort, &mut rows).await {
        Ok(()) => match measure_alone(effort, &mut rows).await {
            Ok(()) => measure_host(effort, &mut rows),
            failed => failed,
        },
        failed => failed,
    };
    // What was measured before something failed is shown all the same.
    figures::print(&rows);
    println!(
        "\n{}; {cores} cores; load average before {load_before}, after {}; 4 KiB to the disk: {:.2} ms",
        world.versions()?,
        figures::load(),
        figures::fsync(world.installation.directory())?
    );
    measured
}

/// The store by itself, and the engine with it.
async fn measure_alone(effort: &Effort, rows: &mut Vec<figures::Row>) -> Result<()> {
    measure_store(effort, rows).await?;
    if effort.wants("engine") {
        rows.extend(engine::rows(effort.rounds, Duration::from_secs(effort.seconds), effort.accounts).await?);
    }
    Ok(())
}

/// The store by itself, without a target.
async fn measure_store(effort: &Effort, rows: &mut Vec<figures::Row>) -> Result<()> {
    if !effort.wants("store") {
        return Ok(());
    }
    let load = figures::load_of_a_minute();
    rows.extend(
        store::trail(effort.rounds, Duration::from_secs(effort.seconds)).await?.into_iter().map(|row| row.after(&load)),
    );
    eprintln!("audit events: done");
    let load = figures::load_of_a_minute();
    rows.extend(store::ledger(effort.ledger).await?.into_iter().map(|row| row.after(&load)));
    eprintln!("a full ledger: done");
    Ok(())
}

/// What needs a Linux host, which only root can make.
fn measure_host(effort: &Effort, rows: &mut Vec<figures::Row>) -> Result<()> {
    if !effort.wants("ssh") {
        return Ok(());
    }
    if rustix::process::getuid().is_root() {
        return host::rows(effort, rows);
    }
    eprintln!("The rows of SSH are left out: making a Linux host needs root");
    Ok(())
}

async fn measure(world: &Arc<World>, effort: &Effort, rows: &mut Vec<figures::Row>) -> Result<()> {
    let time = Duration::from_secs(effort.seconds);
    let mut add = |what: &str, load: &str, measured: Vec<figures::Row>| {
        rows.extend(measured.into_iter().map(|row| row.after(load)));
        eprintln!("{what}: done");
    };
    add("sign-ins", &world.load_at_sign_ins, vec![memory::sign_ins(world)]);
    if effort.wants("launches") {
        for workers in [1, 32] {
            let load = figures::load_of_a_minute();
            add("launches", &load, launch::rows(world, workers, effort.rounds, time).await?);
        }
    }
    if effort.wants("selects") {
        for clients in [1, 32] {
            let load = figures::load_of_a_minute();
            add("selects", &load, select::rows(world, clients, effort.rounds, effort.seconds)?);
            world.settle().await?;
        }
    }
    let load = figures::load_of_a_minute();
    if effort.wants("ends") {
        add("ends", &load, ends::rows(world, effort.ends).await?);
    }
    let load = figures::load_of_a_minute();
    if effort.wants("expiries") {
        add("expiries", &load, storm::rows(world, effort.persons, effort.expiry).await?);
    }
    let load = figures::load_of_a_minute();
    if effort.wants("crowd") {
        add("everybody at once", &load, crowd::rows(world, effort.ends).await?);
    }
    let load = figures::load_of_a_minute();
    if effort.wants("memory") {
        add("idle connections", &load, vec![memory::idle(world, effort.idle).await?]);
    }
    let load = figures::load_of_a_minute();
    // Last, since it gives everybody other records.
    if effort.wants("lingering") {
        add("idle sessions", &load, lingering::rows(world, effort.lingering).await?);
    }
    Ok(())
}
