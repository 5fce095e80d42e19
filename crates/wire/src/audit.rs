//! The trail as it is read.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where to read the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct AuditQuery {
    /// The first entry wanted, counted from 0; without it the last `limit` entries are given.
    pub from: Option<u64>,
    /// The most entries wanted; the server gives at most 1,000.
    pub limit: Option<u32>,
}

/// Entries of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditAnswer {
    /// How many entries there are in all.
    pub size: u64,
    /// The canonical text of each entry, which is what is hashed. `docs/audit-format.md` says what is in it.
    pub entries: Vec<String>,
}

/// What of the trail is wanted as it grows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct EventsQuery {
    /// The first entry wanted, counted from 0; without it only what is written from now on. The header `Last-Event-ID` of a
    /// client that comes back counts more.
    pub from: Option<u64>,
    /// Only entries whose kind is this or begins with this and a dot, such as `session` or `session.launched`.
    pub kind: Option<String>,
}

/// What of the trail is exported, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct ExportQuery {
    /// The form of an entry: `jsonl`, `csv`, `cef` or `ocsf`.
    pub form: String,
    /// Only entries of that moment or later, as RFC 3339 writes it.
    pub from: Option<String>,
    /// Only entries before that moment.
    pub until: Option<String>,
    /// The first entry wanted, counted from 0: the `next` of the answer before.
    pub first: Option<u64>,
    /// The most entries read; the server reads at most 1,000.
    pub limit: Option<u32>,
}

/// A part of the trail in another form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportAnswer {
    /// The line before all others, where the form has one.
    pub head: Option<String>,
    /// A line for each entry, without its end. There may be none although there is a `next`.
    pub lines: Vec<String>,
    /// Where to go on; null after the last entry.
    pub next: Option<u64>,
}
