//! A directory record: the domain controllers of one directory, and the credential with which it will be administered. Accounts
//! are not made in directories yet, and nobody connects to one.

use mayfly_domain::{RecordName, Trust};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A directory service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryRecord {
    /// The name of the record.
    pub name: RecordName,
    /// Free words of the administrator, for finding and sorting.
    pub labels: BTreeMap<String, String>,
    /// Which directory service it is.
    pub directory_type: DirectoryType,
    /// The DNS name of the domain; an OpenLDAP directory may have none.
    pub domain: Option<String>,
    /// Its controllers, each a DNS name or an IP address, in the order in which they are asked; at least one.
    pub hosts: Vec<String>,
    /// Whom to believe there: always TLS.
    pub trust: Trust,
    /// The user record with which it is administered.
    pub administrative: RecordName,
    /// The port for administration.
    pub administrative_port: u16,
}

/// The directory services that can be described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryType {
    /// Microsoft's.
    ActiveDirectory,
    /// OpenLDAP's `slapd`.
    #[serde(rename = "openldap")]
    OpenLdap,
}

impl DirectoryType {
    /// The type as it is written in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActiveDirectory => "active_directory",
            Self::OpenLdap => "openldap",
        }
    }
}
