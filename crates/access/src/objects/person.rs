//! A person: who may sign in, and what they may open.

use mayfly_domain::authorise::PersonFacts;
use mayfly_domain::{PersonName, RecordName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name on the wire.
    pub name: PersonName,
    /// Free words of the administrator, for finding and sorting.
    pub labels: BTreeMap<String, String>,
    /// An attribute for people; Mayfly sends no mail.
    pub email: Option<String>,
    /// The Argon2id hash of the password as a PHC string; without one the person cannot sign in with a password.
    pub password_hash: Option<String>,
    /// The public keys with which the person signs in over SSH, in OpenSSH's form without options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_keys: Vec<String>,
    /// Whether an administrator has switched the person off.
    pub disabled: bool,
    /// The records that they may open, in the order written, without doubles. Empty allows nothing.
    pub may_launch: Vec<RecordName>,
}

impl Person {
    /// What [`mayfly_domain::authorise::authorise`] needs to know.
    pub fn facts(&self) -> PersonFacts<'_> {
        PersonFacts { name: &self.name, disabled: self.disabled, may_launch: &self.may_launch }
    }
}
