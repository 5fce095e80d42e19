//! Refusals and failures, as RFC 9457 problem details with four members of our own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A machine's word for what is wrong. The client's exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is malformed or holds something that cannot be.
    Invalid,
    /// The person has to sign in, or did not manage to.
    SignIn,
    /// Too many sign-ins have failed.
    Locked,
    /// The caller may not do this.
    NotPermitted,
    /// There is no such thing.
    NotFound,
    /// The target does not answer, or something could not be made there.
    TargetFailed,
    /// Somebody or something else is in the way.
    Conflict,
    /// A limit is reached; later may be better.
    Busy,
    /// The server cannot do it now, or failed at it.
    Server,
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem; `about:blank` until there are pages for them.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short text for the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time, where, and what to do.
    pub detail: String,
    /// The machine's word for it.
    pub code: Code,
    /// What names this request in the server's log.
    pub request_id: String,
    /// The trace that the request belongs to (W3C Trace Context): it stands in every line of the server's log that the request brought
    /// about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trace_id: String,
    /// Commands that may help, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}
