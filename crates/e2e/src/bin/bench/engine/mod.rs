//! What launching and removing costs by itself: the engine with the real store and the real provider, and no clients. Each kind
//! of target is one line of [`KINDS`].

mod kind;
mod mysql;
mod postgres;
mod site;

use crate::figures::{self, Row, median};
use anyhow::{Result, ensure};
use kind::Kind;
use mayfly_testbed::mysql::Flavour;
use mysql::Mysql;
use postgres::Postgres;
use site::Site;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many sessions are launched and removed at once.
const WORKERS: [usize; 3] = [1, 8, 32];

/// What launches and removals that go together are to reach with the most workers.
const TARGET: &str = "at least 2.0";

/// A kind of target that is being started; none where it cannot be had here, which is said.
type Starting = Pin<Box<dyn Future<Output = Result<Option<Arc<dyn Kind>>>>>>;

/// What starts each kind of target.
const KINDS: &[fn() -> Starting] = &[
    || Box::pin(Postgres::start()),
    || Box::pin(Mysql::start(Flavour::MariaDb)),
    || Box::pin(Mysql::start(Flavour::MySql)),
];

/// Every kind by itself, and with so many accounts there already.
pub(crate) async fn rows(rounds: usize, time: Duration, accounts: usize) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for start in KINDS {
        let Some(kind) = start().await? else { continue };
        let site = Site::open(Arc::clone(&kind)).await?;
        for workers in WORKERS {
            let target = if workers == WORKERS[WORKERS.len() - 1] { TARGET } else { "" };
            rows.push(row(&site, kind.title(), workers, rounds, time, target).await?);
        }
        kind.fill(accounts).await?;
        let full = format!("{} with {accounts} accounts", kind.title());
        for workers in [WORKERS[0], WORKERS[WORKERS.len() - 1]] {
            rows.push(row(&site, &full, workers, rounds, time, "").await?);
        }
        site.close().await?;
    }
    Ok(rows)
}

/// Raw and ours at so many workers, in rounds.
async fn row(
    site: &Site,
    title: &str,
    workers: usize,
    rounds: usize,
    time: Duration,
    target: &'static str,
) -> Result<Row> {
    let load = figures::load_of_a_minute();
    let (mut raw, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        raw.push(one_at_a_time(&*site.kind, time).await?);
        ours.push(site.rate(workers, time).await?);
        ensure!(site.kind.left().await? == 0, "accounts stay on the target");
    }
    let what = format!("{title}: launch + removal in the engine, {workers} worker(s), against raw one at a time");
    eprintln!("{what}: {:.0} /s and {:.0} /s; {}", median(&ours), median(&raw), site.told());
    Ok(Row::compared(&what, median(&raw), median(&ours), "/s", target).after(&load))
}

/// The same statements over one open connection, one session after another.
async fn one_at_a_time(kind: &dyn Kind, time: Duration) -> Result<f64> {
    let mut administrator = kind.raw().await?;
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        administrator.cycle().await?;
        done += 1;
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}
