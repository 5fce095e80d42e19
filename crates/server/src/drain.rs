//! Draining: nothing new is opened, those who are in stay in, so that the server can be stopped without cutting anybody. It holds in this
//! run only; a server that is started again opens sessions again.

use mayfly_domain::WallTime;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether the server is being drained.
#[derive(Debug, Default)]
pub(crate) struct Drain(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Counts how often it began, so that the end of one is not taken for that of another.
    begun: u64,
    held: Option<Draining>,
}

/// A drain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draining {
    /// When what is still open is ended; `None` for never.
    pub(crate) until: Option<WallTime>,
}

impl Drain {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds from now on, in place of one that holds already. Gives back its number.
    pub(crate) fn begin(&self, until: Option<WallTime>) -> u64 {
        let mut inner = self.lock();
        inner.begun += 1;
        inner.held = Some(Draining { until });
        inner.begun
    }

    /// Holds no more. `false` when it did not.
    pub(crate) fn cancel(&self) -> bool {
        self.lock().held.take().is_some()
    }

    /// The drain that holds.
    pub(crate) fn held(&self) -> Option<Draining> {
        self.lock().held.clone()
    }

    /// Whether the drain of that number holds.
    pub(crate) fn holds(&self, number: u64) -> bool {
        let inner = self.lock();
        inner.held.is_some() && inner.begun == number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The deadline of a drain that was cancelled ends nobody, also when another one has begun since.
    #[test]
    fn a_drain_that_was_cancelled_holds_no_more() {
        let drain = Drain::default();
        assert_eq!((drain.held(), drain.cancel()), (None, false));
        let first = drain.begin(Some(WallTime::from_micros(7)));
        assert!(drain.holds(first));
        assert_eq!(drain.held().unwrap().until, Some(WallTime::from_micros(7)));
        assert!(drain.cancel() && !drain.holds(first));
        let second = drain.begin(None);
        assert!(drain.holds(second) && !drain.holds(first));
    }
}
