//! How fast the trail grows, against as many bytes appended to a file, each with an fdatasync(2) of its own.

use super::seed::Seed;
use crate::figures::{Row, median};
use crate::stored;
use anyhow::{Context, Result};
use mayfly_e2e::Installation;
use mayfly_engine::ports::ledger::{Entry, Ledger as _};
use mayfly_engine::ports::trail::Trail as _;
use mayfly_store::Store;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events of one launch and its way out, more or less, on their way at once.
const TOGETHER: usize = 64;

/// Durable events a second: one at a time, and many at a time.
pub(crate) async fn rows(rounds: usize, time: Duration) -> Result<Vec<Row>> {
    let installation = Installation::init()?;
    let (store, seed) = (Arc::new(stored::open(&installation)?), Arc::new(Seed::new()?));
    store.commit(Entry { writes: Vec::new(), events: vec![seed.event(0)] }).await?;
    let bytes = store.entries(store.size().await? - 1, 1).await?.pop().context("an entry of the trail")?.bytes;
    let mut rows = Vec::new();
    for writers in [1, TOGETHER] {
        let (mut raw, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            raw.push(append(&installation.data().join("appended"), &bytes, time)?);
            ours.push(write(&store, &seed, writers, time).await?);
        }
        let what =
            format!("audit events, {writers} writer(s), against one append and fdatasync each ({} bytes)", bytes.len());
        rows.push(Row::compared(&what, median(&raw), median(&ours), "/s", ""));
    }
    store.close();
    Ok(rows)
}

/// How many events a second so many writers get onto the disk, each of which waits for its event.
async fn write(store: &Arc<Store>, seed: &Arc<Seed>, writers: usize, time: Duration) -> Result<f64> {
    let start = Instant::now();
    let work = |writer: usize| {
        let (store, seed) = (Arc::clone(store), Arc::clone(seed));
        async move {
            let mut written = 0_u64;
            while start.elapsed() < time {
                let event = seed.event(writer as u64 + written);
                store.commit(Entry { writes: Vec::new(), events: vec![event] }).await?;
                written += 1;
            }
            anyhow::Ok(written)
        }
    };
    let writing: Vec<_> = (0..writers).map(|writer| tokio::spawn(work(writer))).collect();
    let mut written = 0;
    for one in writing {
        written += one.await??;
    }
    Ok(written as f64 / start.elapsed().as_secs_f64())
}

/// How many appends a second one writer gets onto the same disk.
fn append(path: &Path, bytes: &[u8], time: Duration) -> Result<f64> {
    let (mut file, start, mut written) = (File::options().create(true).append(true).open(path)?, Instant::now(), 0_u64);
    while start.elapsed() < time {
        file.write_all(bytes)?;
        file.sync_data()?;
        written += 1;
    }
    Ok(written as f64 / start.elapsed().as_secs_f64())
}
