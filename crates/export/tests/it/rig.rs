//! A trail in memory, its cursors, and a sink that fails when it is told to.

use async_trait::async_trait;
use mayfly_contract::clock::SimClock;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{InstallationId, RunId, WallTime};
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::{Cursors, Trail, TrailEntry};
use mayfly_export::{Entry, Notes, Parts, Sink, SinkError, State};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Entries of a trail, each of another second.
pub(crate) fn entries(numbers: std::ops::Range<u64>) -> Vec<TrailEntry> {
    let installation = InstallationId::parse("ins_0000000000000000").unwrap();
    let run = RunId::parse("run_0000000000000000").unwrap();
    let entry = |sequence: u64| {
        let at = WallTime::from_micros(1_764_000_000_000_000 + i64::try_from(sequence).unwrap() * 1_000_000);
        let mut event = Event::new(EventKind::SessionStarted, at, run.clone(), "person:alice");
        event.reason = Some(format!("number {sequence}: é ] \" \\"));
        TrailEntry { sequence, bytes: event.canonical(&installation, sequence, &[0; 32]) }
    };
    numbers.map(entry).collect()
}

/// Everything around a sink.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) trail: Mutex<Vec<TrailEntry>>,
    pub(crate) cursors: Mutex<BTreeMap<String, u64>>,
    pub(crate) taken: Mutex<Vec<u64>>,
    pub(crate) notes: Mutex<Vec<(EventKind, String)>>,
    /// Why the next deliveries fail, if they do.
    pub(crate) broken: Mutex<bool>,
    /// Whether the cursor cannot be written.
    pub(crate) stuck: Mutex<bool>,
}

#[async_trait]
impl Trail for Around {
    async fn entries(&self, from: u64, limit: u32) -> Result<Vec<TrailEntry>, LedgerError> {
        let trail = self.trail.lock().unwrap();
        Ok(trail.iter().filter(|entry| entry.sequence >= from).take(limit as usize).cloned().collect())
    }
    async fn size(&self) -> Result<u64, LedgerError> {
        Ok(self.trail.lock().unwrap().len() as u64)
    }
}

#[async_trait]
impl Cursors for Around {
    async fn cursor(&self, sink: &str) -> Result<Option<u64>, LedgerError> {
        Ok(self.cursors.lock().unwrap().get(sink).copied())
    }
    async fn advance(&self, sink: &str, next: u64) -> Result<(), LedgerError> {
        if *self.stuck.lock().unwrap() {
            return Err(LedgerError::Unavailable("disk full".to_owned()));
        }
        self.cursors.lock().unwrap().insert(sink.to_owned(), next);
        Ok(())
    }
}

#[async_trait]
impl Notes for Around {
    async fn note(&self, kind: EventKind, _sink: &str, reason: &str) {
        self.notes.lock().unwrap().push((kind, reason.to_owned()));
    }
}

/// A sink that keeps the numbers of what it is given.
struct Keeper(Arc<Around>);

#[async_trait]
impl Sink for Keeper {
    async fn deliver(&self, entries: &[Entry]) -> Result<(), SinkError> {
        if *self.0.broken.lock().unwrap() {
            let source = std::io::Error::other("no space");
            return Err(SinkError::File { path: PathBuf::from("/f"), source });
        }
        self.0.taken.lock().unwrap().extend(entries.iter().map(|entry| entry.sequence));
        Ok(())
    }
}

/// The parts of a sink called `siem`.
pub(crate) fn parts(around: &Arc<Around>, state: &Arc<State>) -> Parts {
    let clock = Arc::new(SimClock::default());
    clock.attach();
    Parts {
        name: "siem".to_owned(),
        sink: Box::new(Keeper(Arc::clone(around))),
        trail: around.clone(),
        cursors: around.clone(),
        clock,
        notes: around.clone(),
        state: Arc::clone(state),
    }
}
