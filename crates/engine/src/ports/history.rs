//! What was: sessions that are over beside those that are not, and what the trail says of one. It is read by people who ask who did
//! what; the engine itself never looks here.

use crate::ports::ledger::{LedgerError, SessionRow};
use crate::ports::trail::TrailEntry;
use async_trait::async_trait;
use mayfly_domain::{AccountName, PersonName, RecordName, SessionId, WallTime};
use std::time::Duration;

/// Which sessions are wanted. What is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Also those that are over.
    pub over: bool,
    /// Those that used this account.
    pub account: Option<AccountName>,
    /// Those of this person.
    pub person: Option<PersonName>,
    /// Those of this record.
    pub record: Option<RecordName>,
    /// Those that had begun by then, by our wall clock.
    pub until: Option<WallTime>,
    /// Those that were not over before then, by our wall clock.
    pub from: Option<WallTime>,
}

/// A session and its place in the order in which sessions were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The place; never given twice.
    pub made: u64,
    /// The session.
    pub session: SessionRow,
}

/// Whose use of what is wanted, and in which span. What is `None` is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseAsked {
    /// That of this person.
    pub person: Option<PersonName>,
    /// That of this record.
    pub record: Option<RecordName>,
    /// What was not over before then, by our wall clock.
    pub from: WallTime,
    /// What had begun by then, by our wall clock.
    pub until: WallTime,
}

/// The use that one person made of one record in a span. What could not be launched is no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Who.
    pub person: PersonName,
    /// Of what.
    pub record: RecordName,
    /// How many sessions; at least one.
    pub sessions: u64,
    /// When the first of them was opened.
    pub first: WallTime,
    /// When the last of them was opened.
    pub last: WallTime,
    /// How long they lasted together, as far as they fall into the span.
    pub lasted: Duration,
}

/// The history.
#[async_trait]
pub trait History: Send + Sync + 'static {
    /// The sessions asked for, the newest first, at most `limit`; those made before the place `before` only.
    async fn sessions(&self, asked: &Asked, before: Option<u64>, limit: u32) -> Result<Vec<Told>, LedgerError>;

    /// The use asked for, by person and record, at most `limit`; only of those after the pair `after`.
    async fn used(
        &self,
        asked: &UseAsked,
        after: Option<&(PersonName, RecordName)>,
        limit: u32,
    ) -> Result<Vec<Use>, LedgerError>;

    /// The entries of the trail that concern a session, in order, at most `limit`.
    async fn story(&self, session: &SessionId, limit: u32) -> Result<Vec<TrailEntry>, LedgerError>;
}
