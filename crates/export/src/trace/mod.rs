//! Traces of sessions to a receiver of OpenTelemetry's: what the engine tells of steps goes through a bounded queue to a task that posts
//! them over OTLP/HTTP (<https://opentelemetry.io/docs/specs/otlp/>). What finds no room, or is not taken in time, is dropped and counted:
//! nothing waits for a trace, and the trail is what has to be whole.

mod otlp;
mod retry;
mod serve;

use mayfly_engine::ports::trace::{Span, Tracer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

pub use otlp::Resource;
pub use serve::{Settings, serve};

/// How many spans wait at most; a session has about fifteen.
const WAITING_MOST: usize = 8_192;

/// What waits in the queue.
enum Queued {
    Span(Box<Span>),
    /// Somebody who wants to know when what stands before it has been taken or dropped.
    Mark(oneshot::Sender<()>),
}

/// The near end of the queue.
pub struct Traces {
    queue: mpsc::Sender<Queued>,
    dropped: Arc<AtomicU64>,
}

/// The far end of the queue, for [`serve`].
pub struct Queue {
    queue: mpsc::Receiver<Queued>,
    dropped: Arc<AtomicU64>,
}

impl Traces {
    /// A queue of its own.
    pub fn new() -> (Arc<Self>, Queue) {
        let (sender, receiver) = mpsc::channel(WAITING_MOST);
        let dropped = Arc::new(AtomicU64::new(0));
        let near = Self { queue: sender, dropped: Arc::clone(&dropped) };
        (Arc::new(near), Queue { queue: receiver, dropped })
    }

    /// How many spans were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns once what was told until now has been taken or dropped.
    pub async fn delivered(&self) {
        let (mark, reached) = oneshot::channel();
        if self.queue.send(Queued::Mark(mark)).await.is_ok() {
            // A queue that nobody serves any more delivers nothing either.
            let _ = reached.await;
        }
    }
}

impl Tracer for Traces {
    fn take(&self, span: Span) {
        if self.queue.try_send(Queued::Span(Box::new(span))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::{SessionId, WallTime};
    use mayfly_engine::ports::trace::Step;

    /// Nobody serves the queue, as when the receiver hangs: whoever tells of a step goes on all the same.
    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let (traces, queue) = Traces::new();
        let at = WallTime::from_micros(1);
        let span = Span::between(&SessionId::parse("ses_0000000000000000").unwrap(), Step::Survey, at, at);
        for _ in 0..WAITING_MOST {
            traces.take(span.clone());
        }
        assert_eq!(traces.dropped(), 0);
        traces.take(span.clone());
        traces.take(span.clone());
        assert_eq!(traces.dropped(), 2);
        drop(queue);
        traces.take(span);
        assert_eq!(traces.dropped(), 3);
    }
}
