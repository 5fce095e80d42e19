//! Owned tasks. Every task of the server belongs to a `Tasks` set, has a name, is ended with its owner, and takes nobody
//! along when it panics.

use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// A set of tasks that end together.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    ended: CancellationToken,
}

impl Tasks {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It runs until it is done or the set is ended; a panic in it is logged and stays its own.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        // What is around it would hold it twice: as what it was given, and as what it waits for.
        let (work, ended) = (Box::pin(work), self.ended.clone());
        let guarded = async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                outcome = AssertUnwindSafe(work).catch_unwind() => if outcome.is_err() {
                    tracing::error!(task = name, "A task panicked; only its own work is lost");
                },
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the one place where tasks are started")]
        drop(tokio::spawn(self.tracker.track_future(guarded.instrument(tracing::info_span!("task", task = name)))));
    }

    /// Ends every task at its next await and waits until all are gone.
    pub async fn end(&self) {
        self.ended.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Waits until every task has finished by itself.
    pub async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_panic_stays_with_its_task() {
        let tasks = Tasks::new();
        let done = Arc::new(AtomicUsize::new(0));
        tasks.spawn("bad", async { panic!("on purpose") });
        let counted = Arc::clone(&done);
        tasks.spawn("good", async move {
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::Relaxed);
        });
        tasks.finished().await;
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn ending_the_set_ends_a_task_that_waits_for_ever() {
        let tasks = Tasks::new();
        tasks.spawn("waits", std::future::pending());
        tasks.end().await;
    }
}
