//! Reports for those who review access: who may open what, and who did.

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
