//! Accounts on targets that look like ours and for which nothing in the ledger speaks, and the searches that find them.

use crate::cleanup::Owed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whose mark an account carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// This installation's.
    Ours,
    /// An installation's that was claimed for this one.
    Claimed,
    /// Another installation's: not ours to touch.
    Another,
    /// Nobody's: not ours to touch, whatever its name.
    Unmarked,
}

/// An account that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Orphan {
    /// The account.
    pub account: String,
    /// The record whose search found it.
    pub record: String,
    /// The target, as it identifies itself.
    pub target: String,
    /// The identity that the target gave it.
    pub native_id: String,
    /// Whose mark it carries.
    pub whose: Whose,
    /// Whether it can be removed here.
    pub removable: bool,
    /// The installation that its mark names.
    pub installation: Option<String>,
    /// The session that its mark names.
    pub session: Option<String>,
    /// The deadline that the target holds for it.
    pub deadline: Option<String>,
    /// When it was made, where the target knows.
    pub made: Option<String>,
    /// When somebody last logged in as it, where the target knows.
    pub last_log_in: Option<String>,
    /// Whether it could log in when it was seen.
    pub can_log_in: bool,
    /// Its sessions that ran when it was seen.
    pub sessions: u32,
    /// When it was first seen.
    pub first_seen: String,
    /// When it was last seen.
    pub last_seen: String,
    /// That somebody wants to hear of it no more for a time.
    pub ignored: Option<Ignored>,
}

/// That somebody wants to hear of an account no more for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ignored {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: String,
}

/// How the last search of a record's target went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scanned {
    /// The record.
    pub record: String,
    /// `scanned`, `not_scanned`, or `never`.
    pub state: String,
    /// When.
    pub at: Option<String>,
    /// The target that was searched.
    pub target: Option<String>,
    /// The class of what kept it from being searched.
    pub failure_class: Option<String>,
    /// What kept it from being searched, in words.
    pub failure: Option<String>,
}

/// A search that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScanRequest {
    /// Only of this record's target; of all if none is named.
    pub record: Option<String>,
}

/// What is known after searches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Orphans {
    /// How they went, by record.
    pub scans: Vec<Scanned>,
    /// What they found, also what is ignored and what is not ours.
    pub orphans: Vec<Orphan>,
}

/// An account that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemoveRequest {
    /// The account.
    pub account: String,
    /// The record whose target it is on, where it is on several.
    pub record: Option<String>,
}

/// How a removal went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemoveAnswer {
    /// The account.
    pub account: String,
    /// Whether it was gone already when it was looked at again.
    pub was_gone: bool,
    /// The change that speaks for it from now on.
    pub change: Option<Owed>,
}

/// An account of which nobody wants to hear for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IgnoreRequest {
    /// The account.
    pub account: String,
    /// The record whose target it is on, where it is on several.
    pub record: Option<String>,
    /// Why.
    pub reason: String,
    /// For how long, in seconds; at most a year.
    pub for_s: u64,
}

/// An installation whose leavings are ours to remove from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimRequest {
    /// The installation, as the marks name it.
    pub installation: String,
    /// Why.
    pub reason: String,
}

/// A claimed installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Claim {
    /// The installation.
    pub installation: String,
    /// Who claimed it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: String,
}
