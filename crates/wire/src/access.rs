//! What a person may open, and what there is to know of a record.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A person who asks what they may open.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccessRequest {
    /// Who.
    pub person: String,
    /// Their sign-in password.
    pub password: String,
    /// Only about this record.
    pub record: Option<String>,
}

/// What somebody who has signed in asks about what they may open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct AccessQuery {
    /// Only about this record.
    pub record: Option<String>,
}

/// What a person may open now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessAnswer {
    /// Who.
    pub person: String,
    /// The record that was asked about, or those that are theirs to open, by name.
    pub records: Vec<Access>,
}

/// Whether a person may open a record now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Access {
    /// The record.
    pub record: String,
    /// Its kind; empty when it is not theirs to know.
    pub kind: String,
    /// Whether it would be opened now.
    pub allowed: bool,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// What the session would be, in words; empty when it would not be opened.
    pub notes: Vec<String>,
}

/// What there is to know of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordAnswer {
    /// The record.
    pub record: String,
    /// Its kind.
    pub kind: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The host.
    pub host: String,
    /// The port to which sessions connect.
    pub port: u16,
    /// The port for administration, which the JIT settings inherit from the rotation settings.
    pub administrative_port: u16,
    /// The credential with which it is administered.
    pub administrative: Credential,
    /// The credential with which sessions log in, where no account is made for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Credential>,
    /// What a session is, in words.
    pub notes: Vec<String>,
    /// The people who have it among what they may open, and whether it would be opened for them now.
    pub people: Vec<PersonAccess>,
}

/// A user record, and whether its secret is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    /// The user record.
    pub user: String,
    /// The name of the account on the target.
    pub login: String,
    /// Its secret.
    pub secret: SecretState,
}

/// Whether a secret can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// There is none yet.
    Missing,
    /// It is there, for where the record leads.
    Set,
    /// It was set for another record, host, port or trust, and is not sent anywhere.
    BoundElsewhere,
}

/// Whether a record would be opened for a person now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonAccess {
    /// Who.
    pub person: String,
    /// Whether it would be.
    pub allowed: bool,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}
