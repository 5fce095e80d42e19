//! Failures: the class decides what happens next, the text says to a person what to do, and the two are never derived from
//! the cause's own words, which may hold what a hostile target or client wrote.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose fault it is and whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The target does not answer, or the connection broke before anything was sent.
    Unreachable,
    /// The target refused the administrative credential. Tried again rarely, lest the administrator be locked out.
    CredentialsRefused,
    /// The credential was accepted but lacks a right.
    NotPermitted,
    /// What is there contradicts what was asked: the name is taken, somebody else holds it.
    Conflict,
    /// Another server answers than the one that was confirmed or trusted: it gets neither credentials nor removals.
    IdentityChanged,
    /// A limit of the target or of ours is reached; later may be better.
    Busy,
    /// The command was sent and its answer never came: it may still take effect until its last moment.
    OutcomeUnknown,
    /// A mistake of ours, or an answer that no correct server gives.
    Bug,
}

impl FailureClass {
    /// The class as it stands in the ledger, the API and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::CredentialsRefused => "credentials_refused",
            Self::NotPermitted => "not_permitted",
            Self::Conflict => "conflict",
            Self::IdentityChanged => "identity_changed",
            Self::Busy => "busy",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Bug => "bug",
        }
    }
}

/// A failure as the engine, the ledger and people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What decides the retry.
    pub class: FailureClass,
    /// A sentence for a person: what was wrong, where, and what to do. Never holds a secret.
    pub text: String,
}

impl Failure {
    /// A failure of the given class with its text for people.
    pub fn new(class: FailureClass, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.as_str(), self.text)
    }
}

impl std::error::Error for Failure {}
