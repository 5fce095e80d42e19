//! Events that nobody waits for: written when they happen, or from the outbox when the store is back.

use crate::context::Shared;
use crate::ports::ledger::{Entry, LedgerError};
use mayfly_domain::audit::{Event, EventKind};
use std::sync::Arc;

impl Shared {
    /// Appends events to the trail without anybody waiting for it.
    pub(crate) fn record(self: &Arc<Self>, events: Vec<Event>) {
        let shared = Arc::clone(self);
        self.tasks.spawn("record", async move { shared.record_first(events).await });
    }

    /// Appends events to the trail before whoever waits for it answers. Where they cannot be written they follow later.
    pub(crate) async fn record_first(&self, events: Vec<Event>) {
        if let Err(error) = self.ledger.commit(Entry { writes: Vec::new(), events: events.clone() }).await {
            tracing::warn!(%error, "Events could not be written; they follow later");
            self.outbox.put(events);
            self.wake.notify_one();
        }
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
