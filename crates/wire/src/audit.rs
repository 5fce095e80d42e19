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
