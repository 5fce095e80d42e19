//! A user record: a credential, without its secret, which is stored sealed beside it.

use mayfly_domain::{CredentialRef, RecordName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRecord {
    /// The name of the record.
    pub name: RecordName,
    /// Free words of the administrator, for finding and sorting.
    pub labels: BTreeMap<String, String>,
    /// The name of the account on the target.
    pub login: String,
    /// Where the account lives.
    pub resource: RecordName,
}

impl UserRecord {
    /// How changes refer to this credential.
    pub fn credential(&self) -> CredentialRef {
        CredentialRef { record: self.name.clone() }
    }
}
