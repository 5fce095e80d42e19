//! Events of the way out that could not be written when they happened. Removal never waits for the store, so they queue
//! here, bounded, and follow when the store is back; what did not fit is counted and said in a gap marker.

use crate::sync::lock;
use mayfly_domain::audit::Event;
use std::collections::VecDeque;
use std::sync::Mutex;

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
    pub(crate) fn put(&self, events: impl IntoIterator<Item = Event>) {
        let mut waiting = lock(&self.0);
        for event in events {
            if waiting.events.len() < MOST {
                waiting.events.push_back(event);
            } else {
                waiting.lost += 1;
            }
        }
    }

    pub(crate) fn take(&self) -> (Vec<Event>, u64) {
        let mut waiting = lock(&self.0);
        let most = waiting.events.len().min(BATCH);
        let lost = if most == waiting.events.len() { std::mem::take(&mut waiting.lost) } else { 0 };
        (waiting.events.drain(..most).collect(), lost)
    }

    pub(crate) fn put_back(&self, events: Vec<Event>, lost: u64) {
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
