//! Cancelling queries. A client gets a process id and a key of our own, which lead to those of the target; a request that
//! shows them is passed on, and no request is answered, as in PostgreSQL.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mayfly_domain::{Authorised, Destination};
use mayfly_protocol::postgres::{CancelKey, ProtocolVersion, backend::BackendKeyData, startup::CancelRequest};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::Context;

/// How many connections can be cancelled at most. More cannot be open: each needs a socket to the client and another.
const MAX_ENTRIES: usize = 1 << 16;

/// How many requests may be on their way to targets at once. Whoever is not among them is dropped, as the protocol allows:
/// a request is never promised to have an effect.
const MAX_UNDER_WAY: usize = 32;

/// How long our keys are in protocol 3.2, in bytes.
const LONG_KEY_LEN: usize = 32;

/// Where a request is passed on to.
pub(super) struct Route {
    /// The target.
    pub(super) destination: Destination,
    /// The decision that let the person in.
    pub(super) authorised: Arc<Authorised>,
    /// The target's own process id and key.
    pub(super) target: BackendKeyData,
}

/// The connections whose queries can be cancelled.
pub(super) struct Cancels {
    entries: Mutex<HashMap<u32, Entry>>,
    under_way: Semaphore,
}

struct Entry {
    key: CancelKey,
    route: Arc<Route>,
    /// One request of a connection is passed on at a time.
    one: Arc<Semaphore>,
}

impl Cancels {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { entries: Mutex::default(), under_way: Semaphore::new(MAX_UNDER_WAY) })
    }

    /// Gives a connection its process id and key, until the ticket is dropped; `None` if there are too many.
    pub(super) fn enter(self: &Arc<Self>, route: Route, version: ProtocolVersion, context: &Context) -> Option<Ticket> {
        let key_len = if version.has_long_cancel_keys() { LONG_KEY_LEN } else { CancelKey::MIN_LEN };
        let random = Zeroizing::new(context.random::<LONG_KEY_LEN>());
        let key = CancelKey::new(&random[..key_len]).ok()?;
        let mut entries = self.lock();
        if entries.len() >= MAX_ENTRIES {
            return None;
        }
        // Some clients take the number for signed.
        let free = |id: &u32| *id != 0 && !entries.contains_key(id);
        let process_id = std::iter::repeat_with(|| u32::from_be_bytes(context.random()) >> 1).take(64).find(free)?;
        let entry = Entry { key: key.clone(), route: Arc::new(route), one: Arc::new(Semaphore::new(1)) };
        entries.insert(process_id, entry);
        drop(entries);
        Some(Ticket { cancels: Arc::clone(self), data: BackendKeyData { process_id, key } })
    }

    /// Where a request leads, if its key is right, and the turn of its connection.
    fn find(&self, request: &CancelRequest) -> Option<(Arc<Route>, Arc<Semaphore>)> {
        let entries = self.lock();
        let entry = entries.get(&request.process_id)?;
        // In constant time: `CancelKey` sees to that.
        (entry.key == request.key).then(|| (Arc::clone(&entry.route), Arc::clone(&entry.one)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's process id and key.
pub(super) struct Ticket {
    cancels: Arc<Cancels>,
    /// What the client is given.
    pub(super) data: BackendKeyData,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancels.lock().remove(&self.data.process_id);
    }
}

/// Passes a request on and waits until the target has taken it; the client waits for our end of the connection meanwhile.
/// Returns whether it was passed on.
pub(super) async fn pass_on(request: &CancelRequest, context: &Context) -> bool {
    let Some((route, one)) = context.cancels.find(request) else { return false };
    let (Ok(_turn), Ok(_place)) = (one.try_acquire(), context.cancels.under_way.try_acquire()) else { return false };
    let sending = super::reach::cancel(&route, context);
    matches!(tokio::time::timeout(context.settings.target_time, sending).await, Ok(Ok(())))
}
