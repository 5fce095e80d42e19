//! The port of what searches of targets found: accounts that look like ours and for which nothing in the ledger speaks, what is not
//! to be heard of for a time, and the installations whose leavings are ours to remove.

use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{AccountName, Failure, InstallationId, Mark, RecordName, TargetId, WallTime};

/// An account that a search found and for which nothing in the ledger spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The target.
    pub target: TargetId,
    /// The account.
    pub account: AccountName,
    /// The record whose search found it.
    pub record: RecordName,
    /// The identity that the target gave it.
    pub native_id: String,
    /// The mark that it carries, if any.
    pub mark: Option<Mark>,
    /// The deadline that the target holds for it.
    pub deadline: Option<WallTime>,
    /// When it was made, where the target knows.
    pub made: Option<WallTime>,
    /// When somebody last logged in as it, where the target knows.
    pub last_log_in: Option<WallTime>,
    /// Whether it could log in when it was seen.
    pub can_log_in: bool,
    /// Its sessions that ran when it was seen.
    pub sessions: u32,
    /// When it was first seen.
    pub first_seen: WallTime,
    /// When it was last seen.
    pub last_seen: WallTime,
    /// That somebody wants to hear of it no more for a time.
    pub ignored: Option<Ignored>,
}

/// That somebody wants to hear of an account no more for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Who, as the trail names them.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when, by our wall clock.
    pub until: WallTime,
}

/// How the last search of a record's target went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The record.
    pub record: RecordName,
    /// When, by our wall clock.
    pub at: WallTime,
    /// The target that was searched; `None` when none was.
    pub target: Option<TargetId>,
    /// Why it was not searched.
    pub failure: Option<Failure>,
}

/// An installation whose leavings are ours to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The installation.
    pub installation: InstallationId,
    /// Who said so, as the trail names them.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, by our wall clock.
    pub at: WallTime,
}

/// The store of orphans.
#[async_trait]
pub trait Orphans: Send + Sync + 'static {
    /// Every account that a search found last time, by target and name.
    async fn orphans(&self) -> Result<Vec<Orphan>, StoreError>;

    /// How the last search of each record's target went, by record.
    async fn scans(&self) -> Result<Vec<Scanned>, StoreError>;

    /// Whether a change that is not over, or is kept or written off, is this account's: by its name or, since an account can be
    /// renamed, by the session that its mark names and the identity that the target gave it.
    async fn ledger_speaks_for(
        &self,
        target: &TargetId,
        account: &AccountName,
        mark: Option<&Mark>,
        native_id: &str,
    ) -> Result<bool, StoreError>;

    /// Notes a search with the events, in one transaction. Where a target was searched, what was found takes the place of what
    /// was known of it.
    async fn scanned(&self, scan: Scanned, found: Vec<Orphan>, events: Vec<Event>) -> Result<(), StoreError>;

    /// Forgets an account, since it is gone or the ledger speaks for it from now on.
    async fn forget(&self, target: &TargetId, account: &AccountName) -> Result<(), StoreError>;

    /// Notes that somebody wants to hear of an account no more for a time. `false` when there is no such account: nothing is
    /// written then.
    async fn ignore(
        &self,
        target: &TargetId,
        account: &AccountName,
        ignored: Ignored,
        events: Vec<Event>,
    ) -> Result<bool, StoreError>;

    /// The installations whose leavings are ours to remove, in the order in which they were claimed.
    async fn claims(&self) -> Result<Vec<Claim>, StoreError>;

    /// Claims an installation with the events, in one transaction. `false` when it was claimed already: nothing is written then.
    async fn claim(&self, claim: Claim, events: Vec<Event>) -> Result<bool, StoreError>;
}
