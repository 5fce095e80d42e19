//! The store ports of the access crate on SQLite: objects, sealed secrets, connect secrets, tokens of the API and of people, lockdowns and answers, in the
//! same transactions as the ledger, and with their events in the same trail.

mod answers;
mod api_tokens;
mod connect_secrets;
mod key_rotations;
mod lockdowns;
mod objects;
mod orphans;
pub(crate) mod person_tokens;
mod secrets;
mod webhooks;

use crate::Store;
use crate::error::Stop;
use mayfly_access::store::StoreError;
use mayfly_domain::audit::Event;
use rusqlite::types::Type;
use rusqlite::{Connection, Error};
use std::sync::{Arc, Mutex, PoisonError};

/// What a change came to.
enum Decision<T> {
    /// It is committed with its events.
    Keep(T),
    /// Nothing of it is written, and no event.
    Undo(T),
}

impl Store {
    /// Writes what `decide` decides to keep, with the events, and answers what it decided.
    async fn decide<T: Send + 'static>(
        &self,
        events: Vec<Event>,
        decide: impl FnOnce(&Connection) -> Result<Decision<T>, Stop> + Send + 'static,
    ) -> Result<T, StoreError> {
        let slot = Arc::new(Mutex::new(None));
        let decided = Arc::clone(&slot);
        let result = self
            .write(events, move |connection| {
                let (value, end) = match decide(connection)? {
                    Decision::Keep(value) => (value, Ok(())),
                    Decision::Undo(value) => (value, Err(Stop::Undone)),
                };
                *decided.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
                end
            })
            .await;
        match result {
            Ok(()) | Err(Stop::Undone) => slot
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .ok_or_else(|| StoreError::Unavailable("nothing was decided".to_owned())),
            Err(stop) => Err(refused(stop)),
        }
    }

    /// Asks one question.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(work).await.map_err(refused)
    }
}

/// The port's error. What cannot be read back is told from what cannot be reached.
fn refused(stop: Stop) -> StoreError {
    match stop {
        Stop::Sql(error @ (Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..))) => {
            StoreError::Unreadable(error.to_string())
        }
        Stop::Sql(_) | Stop::Expectation(_) | Stop::Unavailable(_) | Stop::Undone => {
            StoreError::Unavailable(stop.to_string())
        }
    }
}

/// For `map_err`: a column holds what cannot be read.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}
