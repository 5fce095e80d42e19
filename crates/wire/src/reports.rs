//! Reports for those who review access: who may open what, who did, and who holds on a target what sessions are given for a time.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a report of access is to be about. Times are RFC 3339.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct AccessReportQuery {
    /// Only this person.
    pub person: Option<String>,
    /// Only this record.
    pub record: Option<String>,
    /// Only sessions that were not over before then; of all time when absent.
    pub from: Option<String>,
    /// Only sessions that had begun by then; until now when absent.
    pub until: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The most items wanted; the server gives at most 500.
    pub limit: Option<u32>,
}

/// One person and one record that they may open now, or opened in the span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessRow {
    /// Who.
    pub person: String,
    /// What.
    pub record: String,
    /// Its kind; empty when there is no such record any more.
    pub kind: String,
    /// Whether it is among what they may open now.
    pub granted: bool,
    /// Whether it would be opened for them now.
    pub opens: bool,
    /// Why not, in words, when it is granted and would not be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// Whether a session has an account that is made for it.
    pub ephemeral: bool,
    /// The existing account that a session uses instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The role or group that the account is in for the length of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elevated_into: Option<String>,
    /// How long a session lasts at most.
    pub longest_s: u64,
    /// How many sessions there were in the span.
    pub sessions: u64,
    /// When the first of them was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// When the last of them was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// How long they lasted together within the span.
    pub lasted_s: u64,
}

/// Who on a record's target holds for good what its sessions are given for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingAnswer {
    /// The record.
    pub record: String,
    /// The target, as it identifies itself.
    pub target: String,
    /// The accounts, by name; those of sessions are not among them.
    pub accounts: Vec<StandingAccount>,
    /// Whether there are more than one look answers.
    pub more: bool,
    /// The existing account that sessions use instead of one that is made, and that is there before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifts: Option<String>,
}

/// An account that can log in and holds something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingAccount {
    /// Its name.
    pub account: String,
    /// What it holds, in the target's own words.
    pub rights: Vec<String>,
    /// Whether it is the one with which Mayfly administers the target.
    pub administrative: bool,
    /// The session that has lifted it now, which may have given it some of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Until when it can log in, where the target holds a deadline for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
}
