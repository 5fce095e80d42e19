//! Disposable Linux hosts: a file system, accounts, processes and an address of their own, with sshd, cron and atd
//! running, in less than a second.
//!
//! A host is a set of namespaces over a base root that is built once and kept. What changes on it is kept in
//! memory. Its network is one link with two addresses, one on each side; nothing else is reachable from it. It needs
//! root, Debian's packages `mmdebstrap`, `iproute2`, `util-linux` and `openssh-client`, and with systemd also
//! `systemd-container` and control groups that can be written.
//!
//! A host is not a prison: its root is the machine's, only kept apart from the machine's files, processes and network.

pub(crate) mod base;
mod inside;
mod snapshot;
mod start;
mod subnet;

use std::time::Duration;

pub use inside::HostKey;
pub use snapshot::Snapshot;
pub use start::Host;

/// What runs as a host's process 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flavour {
    /// A small script that starts the services and buries orphans. No systemd is installed, so there is no logind.
    Plain,
    /// systemd, with logind, user managers and the journal.
    Systemd,
}

impl Flavour {
    /// Both flavours, for tests that run on each.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Systemd];

    /// Its name in file names and scripts.
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Systemd => "systemd",
        }
    }
}

/// What a started host is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// What runs as process 1.
    pub flavour: Flavour,
    /// How long the start may take; 60 s by default, since machines are shared. Building the base root, which the first
    /// start of a flavour does on a machine, has a time of its own.
    pub deadline: Duration,
}

impl Options {
    /// The defaults for a flavour.
    #[must_use]
    pub fn new(flavour: Flavour) -> Self {
        Self { flavour, deadline: Duration::from_secs(60) }
    }
}
