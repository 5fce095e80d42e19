//! Who on a target holds for good what Mayfly is there to give for a time: accounts that can log in, with their rights. Which of them
//! are ours is not decided here.

use mayfly_domain::{AccountName, Place, TargetId, WallTime};

/// The most rights that one look answers.
pub const RIGHTS_MOST: usize = 5_000;

/// What is looked at.
#[derive(Debug, Clone)]
pub struct HoldersRequest {
    /// Where the target is administered, and with which credential.
    pub place: Place,
    /// The group or role that sessions of the record are lifted into, if any.
    pub elevate: Option<String>,
    /// The provider's own settings of the record, as JSON.
    pub settings: serde_json::Value,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders {
    /// The target as it identifies itself.
    pub target: TargetId,
    /// The accounts, by name.
    pub holders: Vec<Holder>,
    /// Whether there are more than one look answers.
    pub more: bool,
}

/// An account that can log in and holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub account: AccountName,
    /// The identity that the target gave it.
    pub native_id: String,
    /// Whether it is the one with which Mayfly administers the target.
    pub administrative: bool,
    /// Until when it can log in, where the target holds a deadline for it.
    pub deadline: Option<WallTime>,
    /// What it holds, in the target's own words, such as `SUPERUSER` or `member of "readwrite"`.
    pub rights: Vec<String>,
}
