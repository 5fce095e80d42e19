//! The port of webhooks: receivers of events, and the outbox of what they have not taken yet.

use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{RecordName, WallTime};

/// A receiver of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called.
    pub name: RecordName,
    /// Where events are posted.
    pub url: String,
    /// The kinds of events that it gets: whole ones, or the first word of them.
    pub kinds: Vec<String>,
    /// Whether its name may lead to an address that is not public.
    pub private: bool,
    /// What its secret is derived from.
    pub salt: Vec<u8>,
    /// What the secret before is derived from, while that one still signs.
    pub salt_before: Option<Vec<u8>>,
    /// The next entry of the trail to look at for it.
    pub next: u64,
    /// Why it gets nothing now, if so.
    pub disabled: Option<String>,
    /// Who made it, as the trail names them.
    pub made_by: String,
    /// When, by our wall clock.
    pub made: WallTime,
    /// How many entries wait for it; only read.
    pub waiting: u64,
    /// Why the first of them was not taken, if it was tried; only read.
    pub failure: Option<String>,
}

/// An entry that waits for a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The entry's number.
    pub sequence: u64,
    /// How often it was tried.
    pub tries: u32,
    /// Since when it waits.
    pub since: WallTime,
}

/// The store of webhooks.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Every receiver, by name.
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// Makes a receiver with the events, in one transaction. `false` when there is one of that name: nothing is written then.
    async fn create(&self, webhook: Webhook, events: Vec<Event>) -> Result<bool, StoreError>;

    /// Deletes a receiver and its outbox with the events. `false` when there is none of that name.
    async fn delete_webhook(&self, name: &RecordName, events: Vec<Event>) -> Result<bool, StoreError>;

    /// Gives a receiver a new salt and keeps the one before; `None` forgets the one before. `false` when there is none of that
    /// name.
    async fn rotate(&self, name: &RecordName, salt: Option<Vec<u8>>, events: Vec<Event>) -> Result<bool, StoreError>;

    /// Switches a receiver off with a reason, or on: then all that waits is due at `now`, as if it had just come. `false` when there
    /// is none of that name.
    async fn switch(
        &self,
        name: &RecordName,
        disabled: Option<String>,
        now: WallTime,
        events: Vec<Event>,
    ) -> Result<bool, StoreError>;

    /// Puts entries into a receiver's outbox, due at `now`, and notes that the trail was looked through up to `next`: one
    /// transaction.
    async fn enqueue(&self, name: &RecordName, sequences: Vec<u64>, next: u64, now: WallTime)
    -> Result<(), StoreError>;

    /// What of a receiver's outbox is due at `now`, the oldest entries first.
    async fn due_of(&self, name: &RecordName, now: WallTime, limit: u32) -> Result<Vec<Waiting>, StoreError>;

    /// Takes an entry out of the outbox: it was taken.
    async fn taken(&self, name: &RecordName, sequence: u64) -> Result<(), StoreError>;

    /// Notes that an entry was not taken, why, and when it is tried again.
    async fn postpone(
        &self,
        name: &RecordName,
        sequence: u64,
        next_try: WallTime,
        failure: String,
    ) -> Result<(), StoreError>;
}
