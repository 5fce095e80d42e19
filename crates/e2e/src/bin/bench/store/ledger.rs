//! A start with a full ledger: very many live sessions of a run that was lost, on a target that does not answer.

use super::seed::Seed;
use crate::figures::Row;
use crate::stored;
use anyhow::{Context, Result, ensure};
use mayfly_e2e::Installation;
use mayfly_engine::ports::ledger::{Entry, Ledger as _};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Instant;

/// How many sessions are written at once.
const BATCH: u64 = 500;

/// From the start of the server until it serves, with so many sessions in the ledger, an account each.
pub(crate) async fn rows(sessions: u64) -> Result<Vec<Row>> {
    let installation = Installation::init()?;
    let empty = start(&installation)?;
    fill(&installation, sessions).await?;
    let raw = read(&installation.data().join("mayfly.db"), sessions)?;
    let full = start(&installation)?;
    let what = format!("start with {sessions} live sessions of a lost run in the ledger, until it serves");
    let shown = |took: f64| format!("{took:.2} s");
    Ok(vec![
        Row::new(&format!("{what}, against an empty ledger"), shown(empty), shown(full), full / empty, ""),
        Row::new(
            &format!("{what}, against reading the same rows once with SQLite"),
            shown(raw),
            shown(full),
            full / raw,
            "",
        ),
    ])
}

/// Starts the server, which is killed again once it serves. Returns the seconds.
fn start(installation: &Installation) -> Result<f64> {
    let start = Instant::now();
    let running = installation.start()?;
    let took = start.elapsed().as_secs_f64();
    running.kill_9()?;
    Ok(took)
}

async fn fill(installation: &Installation, sessions: u64) -> Result<()> {
    let (store, seed, start) = (stored::open(installation)?, Seed::new()?, Instant::now());
    for first in (0..sessions).step_by(usize::try_from(BATCH)?) {
        let mut entry = Entry::default();
        for one in (first..sessions.min(first + BATCH)).map(|number| seed.live(number)) {
            entry.writes.extend(one.writes);
            entry.events.extend(one.events);
        }
        store.commit(entry).await?;
    }
    store.close();
    eprintln!("{sessions} sessions are in the ledger after {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Reads every row of the ledger that matters at a start. Returns the seconds.
fn read(database: &Path, sessions: u64) -> Result<f64> {
    let start = Instant::now();
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    for table in ["session", "change"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
        let (mut rows, mut found) = (statement.query([])?, 0);
        while let Some(row) = rows.next()? {
            std::hint::black_box(row.get_ref(0).context("a column")?);
            found += 1;
        }
        ensure!(found == sessions, "{found} rows of {sessions} in {table}");
    }
    Ok(start.elapsed().as_secs_f64())
}
