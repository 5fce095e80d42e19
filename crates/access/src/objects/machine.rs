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
