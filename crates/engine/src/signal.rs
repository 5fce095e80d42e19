//! A value that is set once and that any number of tasks wait for. They are woken in the order in which they began to wait
//! (tokio's `watch` picks at random), so that a simulated run replays.

use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// The value, set or still to come.
#[derive(Debug)]
pub struct Signal<T> {
    value: Arc<OnceLock<T>>,
    set: CancellationToken,
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), set: self.set.clone() }
    }
}

impl<T> Default for Signal<T> {
    fn default() -> Self {
        Self { value: Arc::default(), set: CancellationToken::new() }
    }
}

impl<T: Clone> Signal<T> {
    /// A value that is still to come.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value, unless it is set already.
    pub fn set(&self, value: T) {
        let _ = self.value.set(value);
        self.set.cancel();
    }

    /// The value, if it is set.
    pub fn get(&self) -> Option<T> {
        self.value.get().cloned()
    }

    /// Waits for the value.
    pub async fn wait(&self) -> T {
        loop {
            self.set.cancelled().await;
            // Set before the token is cancelled, so it is there.
            if let Some(value) = self.get() {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_value_counts_and_everybody_gets_it() {
        let signal = Signal::new();
        let waiting = signal.clone();
        assert_eq!(signal.get(), None);
        signal.set(1);
        signal.set(2);
        assert_eq!((waiting.wait().await, signal.wait().await), (1, 1));
    }
}
