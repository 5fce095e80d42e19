//! A machine record.

use crate::objects::resource::Resource;
use serde::{Deserialize, Serialize};

/// A host that people log in to over SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRecord {
    /// What every resource has.
    pub resource: Resource,
    /// Its operating system.
    pub operating_system: OperatingSystem,
    /// What of SSH its sessions may use.
    pub ssh: SshRules,
    /// What accounts are like that are made on it.
    #[serde(default)]
    pub accounts: AccountRules,
    /// Whether the administrative credential may be a password.
    #[serde(default)]
    pub administrative_password: bool,
}

/// What accounts are like that are made on a machine. What is `None` is as the provider has it; the provider also says what a
/// value may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRules {
    /// The first id that they and their groups get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_least: Option<u32>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_most: Option<u32>,
    /// Their log-in shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// The places that are searched for what they leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swept: Option<Vec<String>>,
}

/// The operating systems that are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatingSystem {
    /// Linux, administered over SSH.
    Linux,
}

/// What of SSH the sessions of a machine may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshRules {
    /// Whether files may be copied with `sftp` and what is built on it.
    pub sftp: bool,
    /// The destinations to which clients may forward ports, each `host:port` as the client names it.
    pub forwarding: Vec<String>,
}
