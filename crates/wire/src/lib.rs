//! What the API takes and gives, as JSON: requests, answers, and the problem that every refusal is. It is spoken as HTTP/1.1,
//! over the server's Unix socket, where whoever calls is known by the peer's user id, and over HTTPS, where a token says it.
//!
//! Times are RFC 3339 in UTC, durations whole seconds in fields that end in `_s`, enums snake_case. Fields are only ever
//! added. Invariants, stated as absences: no type here is a row of the store or a type of the domain.

pub mod access;
pub mod audit;
pub mod cleanup;
pub mod connect;
pub mod lockdowns;
pub mod login;
pub mod objects;
pub mod orphans;
pub mod paths;
pub mod people;
pub mod problem;
pub mod records;
pub mod reports;
pub mod sessions;
pub mod status;
pub mod support;
pub mod targets;
pub mod tokens;
pub mod webhooks;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A list, a page at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; `None` when this is the last.
    pub next: Option<String>,
}

/// Where in a list to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct PageQuery {
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The most items wanted; the server gives at most 500.
    pub limit: Option<u32>,
}
