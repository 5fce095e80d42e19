//! How many launches one place takes at a time, and how many may wait for it. Counted before the target is known, since
//! finding that out is already work for it.

use crate::settings::Settings;
use crate::sync::lock;
use mayfly_domain::{Failure, FailureClass, Place};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

struct Line {
    places: Arc<Semaphore>,
    waiting: usize,
}

/// The launches under way and waiting, by place.
pub(crate) struct Launches {
    in_flight: usize,
    waiting_most: usize,
    lines: Mutex<BTreeMap<String, Line>>,
}

impl Launches {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            in_flight: settings.launches_per_target,
            waiting_most: settings.launches_waiting,
            lines: Mutex::default(),
        }
    }

    /// Waits for a place in line; given back when the permit is dropped.
    pub(crate) async fn enter(&self, place: &Place) -> Result<OwnedSemaphorePermit, Failure> {
        let key = place.destination.endpoint.to_string();
        let semaphore = {
            let mut lines = lock(&self.lines);
            let line = lines
                .entry(key.clone())
                .or_insert_with(|| Line { places: Arc::new(Semaphore::new(self.in_flight)), waiting: 0 });
            if line.waiting >= self.waiting_most {
                return Err(Failure::new(
                    FailureClass::Busy,
                    format!("too many launches wait for {key}: try again later"),
                ));
            }
            line.waiting += 1;
            Arc::clone(&line.places)
        };
        let waiting = Waiting { lines: &self.lines, key };
        let permit = semaphore.acquire_owned().await;
        drop(waiting);
        permit.map_err(|_| Failure::new(FailureClass::Bug, "launches are closed"))
    }
}

/// Counts somebody who waits, until dropped: a caller that gives up is no longer in line.
struct Waiting<'a> {
    lines: &'a Mutex<BTreeMap<String, Line>>,
    key: String,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(line) = lock(self.lines).get_mut(&self.key) {
            line.waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use mayfly_domain::{CredentialRef, Destination, Endpoint, RecordName, Trust};

    fn place() -> Place {
        Place {
            destination: Destination { endpoint: Endpoint { host: "db".to_owned(), port: 1 }, trust: Trust::Plaintext },
            credential: CredentialRef { record: RecordName::parse("admin").unwrap() },
        }
    }

    #[tokio::test]
    async fn one_too_many_is_refused_and_a_quitter_makes_room() {
        let settings = Settings { launches_per_target: 1, launches_waiting: 1, ..Settings::default() };
        let launches = Launches::new(&settings);
        let place = place();
        let first = launches.enter(&place).await.unwrap();
        let mut second = Box::pin(launches.enter(&place));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(launches.enter(&place).await.unwrap_err().class, FailureClass::Busy);
        drop(second);
        let mut third = Box::pin(launches.enter(&place));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.await.is_ok());
    }
}
