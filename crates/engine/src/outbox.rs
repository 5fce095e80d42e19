//! Events of the way out that could not be written when they happened. Removal never waits for the store, so they queue
//! here, bounded, and follow when the store is back; what did not fit is counted and said in a gap marker.

use crate::context::Shared;
use crate::ports::ledger::{Entry, LedgerError};
use crate::sync::lock;
use mayfly_domain::audit::{Event, EventKind};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The most events that wait.
const MOST: usize = 10_000;
/// How many are written in one entry.
const BATCH: usize = 500;

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    lost: u64,
}

/// The events that wait.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<Waiting>);

impl Outbox {
    fn put(&self, events: impl IntoIterator<Item = Event>) {
        let mut waiting = lock(&self.0);
        for event in events {
            if waiting.events.len() < MOST {
                waiting.events.push_back(event);
            } else {
                waiting.lost += 1;
            }
        }
    }

    fn take(&self) -> (Vec<Event>, u64) {
        let mut waiting = lock(&self.0);
        let most = waiting.events.len().min(BATCH);
        let lost = if most == waiting.events.len() { std::mem::take(&mut waiting.lost) } else { 0 };
        (waiting.events.drain(..most).collect(), lost)
    }

    fn put_back(&self, events: Vec<Event>, lost: u64) {
        let mut waiting = lock(&self.0);
        waiting.lost += lost;
        for event in events.into_iter().rev() {
            waiting.events.push_front(event);
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        let waiting = lock(&self.0);
        waiting.events.is_empty() && waiting.lost == 0
    }
}

impl Shared {
    /// Appends events to the trail without anybody waiting for it.
    pub(crate) fn record(self: &Arc<Self>, events: Vec<Event>) {
        let shared = Arc::clone(self);
        self.tasks.spawn("record", async move {
            if let Err(error) = shared.ledger.commit(Entry { writes: Vec::new(), events: events.clone() }).await {
                tracing::warn!(%error, "Events could not be written; they follow later");
                shared.outbox.put(events);
                shared.wake.notify_one();
            }
        });
    }

    /// Writes what waits, in order.
    pub(crate) async fn flush_outbox(self: &Arc<Self>) -> Result<(), LedgerError> {
        while !self.outbox.is_empty() {
            let (mut events, lost) = self.outbox.take();
            let waited = events.clone();
            if lost > 0 {
                events.push(self.event(EventKind::AuditGap).with("events_lost", lost));
            }
            if let Err(error) = self.ledger.commit(Entry { writes: Vec::new(), events }).await {
                self.outbox.put_back(waited, lost);
                return Err(error);
            }
        }
        Ok(())
    }
}
