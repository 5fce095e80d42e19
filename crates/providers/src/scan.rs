//! What a search of a target for accounts of ours found: every account whose name begins with our prefix or that carries the mark
//! of any installation, with what the target knows of it. Which of them are ours is not decided here.

use mayfly_domain::{AccountName, Mark, Place, Prefix, TargetId, WallTime};
use mayfly_engine::ports::provider::PlannedChange;

/// The most accounts that one search answers; on a target with more the rest is found once these are gone.
pub const FOUND_MOST: usize = 1_000;

/// What is searched.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Where the target is administered, and with which credential.
    pub place: Place,
    /// What the names of accounts start with.
    pub prefix: Prefix,
    /// The provider's own settings of the record, as JSON.
    pub settings: serde_json::Value,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The target as it identifies itself.
    pub target: TargetId,
    /// The target's clock.
    pub target_now: WallTime,
    /// The accounts, by name, at most [`FOUND_MOST`].
    pub found: Vec<Found>,
}

/// An account that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name.
    pub account: AccountName,
    /// The mark that it carries, if it carries one.
    pub mark: Option<Mark>,
    /// The identity that the target gave it.
    pub native_id: String,
    /// The deadline that the target itself holds for it.
    pub deadline: Option<WallTime>,
    /// When it was made, where the target knows.
    pub made: Option<WallTime>,
    /// When somebody last logged in as it, where the target knows.
    pub last_log_in: Option<WallTime>,
    /// Whether it can log in.
    pub can_log_in: bool,
    /// Its sessions that run.
    pub sessions: u32,
    /// What would have to be undone, the account itself first; empty without a mark.
    pub changes: Vec<PlannedChange>,
}
