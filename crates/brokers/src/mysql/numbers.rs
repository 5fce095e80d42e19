//! The numbers of connections. A client learns its number from our greeting, before there is a target, and gives it in `KILL`
//! from another connection; here is which number of the target's own it stands for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mayfly_domain::SessionId;

use super::Context;

/// Our numbers are those from here on, up to what a signed number of 32 bits holds, as which some clients take them. Servers
/// count from one, so that a number that a client has seen on the target (`CONNECTION_ID()`, the process list) is none of ours.
const LOWEST: u32 = 1 << 30;

/// The numbers that are given out.
pub(super) struct Numbers {
    entries: Mutex<HashMap<u32, Option<Place>>>,
}

/// Where a number leads.
struct Place {
    session: SessionId,
    native: u32,
}

impl Numbers {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { entries: Mutex::default() })
    }

    /// Gives a connection its number, until it is dropped. `None` if no free one is found, of a thousand million.
    pub(super) fn enter(self: &Arc<Self>, context: &Context) -> Option<Number> {
        let mut entries = self.lock();
        let free = |id: &u32| !entries.contains_key(id);
        let drawn = std::iter::repeat_with(|| LOWEST | u32::from_be_bytes(context.random()) & (LOWEST - 1));
        let id = drawn.take(64).find(free)?;
        entries.insert(id, None);
        drop(entries);
        Some(Number { numbers: Arc::clone(self), id })
    }

    /// The target's own number for one of ours, if it is of this session: nobody names a connection of another one.
    pub(super) fn native(&self, id: u32, session: &SessionId) -> Option<u32> {
        let entries = self.lock();
        entries.get(&id)?.as_ref().filter(|place| place.session == *session).map(|place| place.native)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Option<Place>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's number.
pub(super) struct Number {
    numbers: Arc<Numbers>,
    id: u32,
}

impl Number {
    /// The number as the client has it.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// From now on the number leads to this connection of the target.
    pub(super) fn leads_to(&self, session: SessionId, native: u32) {
        self.numbers.lock().insert(self.id, Some(Place { session, native }));
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        self.numbers.lock().remove(&self.id);
    }
}
