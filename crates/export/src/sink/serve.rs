//! The task that serves one sink: it reads the trail from the cursor, hands entries over, moves the cursor once they are taken, and
//! tries for ever what is not. It only reads, so nobody who writes the trail ever waits for a receiver.

use super::{Sink, State};
use crate::entry::Entry;
use async_trait::async_trait;
use mayfly_domain::BootTime;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::{Cursors, Trail, TrailEntry};
use std::sync::Arc;
use std::time::Duration;

/// How many entries are handed over at a time.
const BATCH: u32 = 500;
/// How often the trail is asked for what is new.
const EVERY: Duration = Duration::from_secs(1);
/// The first and the longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long a sink may fail before that is put on record.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where it is put on record that a sink fails, and that it does no more.
#[async_trait]
pub trait Notes: Send + Sync + 'static {
    /// Puts it on record.
    async fn note(&self, kind: EventKind, sink: &str, reason: &str);
}

/// What serving a sink needs.
pub struct Parts {
    /// What the sink is called; its cursor is kept under this name.
    pub name: String,
    /// The sink.
    pub sink: Box<dyn Sink>,
    /// The trail.
    pub trail: Arc<dyn Trail>,
    /// Where the cursor is.
    pub cursors: Arc<dyn Cursors>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where trouble is put on record.
    pub notes: Arc<dyn Notes>,
    /// Where it is said how the sink does.
    pub state: Arc<State>,
}

/// A time of trouble.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    since: BootTime,
    pause: Duration,
    noted: bool,
}

/// Why a step did not work.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Store(#[from] LedgerError),
    #[error(transparent)]
    Sink(#[from] super::SinkError),
}

/// Serves the sink for as long as the task lives.
pub async fn serve(parts: Parts) {
    let mut next = None;
    let mut trouble: Option<Trouble> = None;
    loop {
        match step(&parts, &mut next).await {
            Ok(more) => {
                if let Some(over) = trouble.take() {
                    parts.state.set_failure(None);
                    tracing::info!(sink = parts.name, "A sink of the trail takes entries again");
                    if over.noted {
                        parts.notes.note(EventKind::SinkRecovered, &parts.name, "it takes entries again").await;
                    }
                }
                if !more {
                    pause(&parts, EVERY).await;
                }
            }
            Err(error) => trouble = Some(failed(&parts, trouble, &error).await),
        }
    }
}

async fn pause(parts: &Parts, span: Duration) {
    parts.clock.sleep_until(parts.clock.boot().plus(span)).await;
}

/// Takes note of a failure and waits before the next attempt.
async fn failed(parts: &Parts, trouble: Option<Trouble>, error: &StepError) -> Trouble {
    parts.state.held().failures += 1;
    parts.state.set_failure(Some(error.to_string()));
    let now = parts.clock.boot();
    let mut trouble = trouble.unwrap_or_else(|| {
        tracing::warn!(sink = parts.name, %error, "A sink of the trail takes nothing; everything is kept for it");
        Trouble { since: now, pause: PAUSE.0, noted: false }
    });
    if !trouble.noted && now.since(trouble.since) >= PATIENCE {
        trouble.noted = true;
        parts.notes.note(EventKind::SinkFailed, &parts.name, &error.to_string()).await;
    }
    pause(parts, trouble.pause).await;
    trouble.pause = (trouble.pause * 2).min(PAUSE.1);
    trouble
}

/// Hands one batch over. Answers whether there may be more.
async fn step(parts: &Parts, next: &mut Option<u64>) -> Result<bool, StepError> {
    let from = match *next {
        Some(from) => from,
        None => *next.insert(parts.cursors.cursor(&parts.name).await?.unwrap_or(0)),
    };
    let found = parts.trail.entries(from, BATCH).await?;
    let Some(last) = found.last().map(|entry| entry.sequence) else {
        let mut lag = parts.state.held();
        (lag.next, lag.oldest) = (from, None);
        return Ok(false);
    };
    let (entries, gaps) = readable(&parts.name, from, found);
    {
        let mut lag = parts.state.held();
        (lag.next, lag.oldest) = (from, entries.first().map(|entry| entry.at));
    }
    parts.sink.deliver(&entries).await?;
    parts.cursors.advance(&parts.name, last + 1).await?;
    *next = Some(last + 1);
    let mut lag = parts.state.held();
    (lag.next, lag.oldest) = (last + 1, None);
    lag.gaps += gaps;
    Ok(true)
}

/// The entries that can be read, and how many cannot or are missing. A damaged entry must not keep all later ones back; whoever
/// verifies the trail finds it.
fn readable(sink: &str, from: u64, found: Vec<TrailEntry>) -> (Vec<Entry>, u64) {
    let (mut entries, mut gaps, mut expected) = (Vec::with_capacity(found.len()), 0, from);
    for entry in found {
        gaps += entry.sequence.saturating_sub(expected);
        expected = entry.sequence + 1;
        match Entry::read(entry) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                tracing::error!(sink, %error, "An entry is left out of a sink");
                gaps += 1;
            }
        }
    }
    if gaps > 0 {
        tracing::error!(sink, gaps, "Entries of the trail are missing in a sink");
    }
    (entries, gaps)
}
