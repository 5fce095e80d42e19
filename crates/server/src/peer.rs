//! Who is at the other end of a connection to the API.

use mayfly_access::signin::Source;
use mayfly_domain::Administration;
use mayfly_domain::authorise::authorise_administration;
use std::net::{IpAddr, Ipv4Addr};

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// A process of this machine, over the local socket, as the kernel vouches for it.
    Local {
        /// Its effective user id when it connected.
        uid: u32,
        /// The user as whom whoever started it logged in to this machine, where the kernel knows; sudo does not change it
        /// (pam_loginuid(8)).
        login: Option<u32>,
    },
    /// Somebody over HTTPS, of whom only the address is known.
    Remote {
        /// The address.
        address: IpAddr,
    },
}

impl Peer {
    /// A process over the local socket, as the kernel vouches for it.
    pub(crate) fn local(uid: u32, pid: Option<i32>) -> Self {
        let text = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/loginuid")).ok());
        // What was never set is the largest number.
        let login = text.and_then(|text| text.trim().parse().ok()).filter(|login| *login != u32::MAX);
        Self::Local { uid, login }
    }

    /// The proof that this peer may administer by being who it is; `None` when it may not.
    pub(crate) fn administration(self) -> Option<Administration> {
        match self {
            Self::Local { uid, login } => {
                let by = authorise_administration(uid, rustix::process::geteuid().as_raw()).ok()?;
                Some(by.logged_in_as(login))
            }
            Self::Remote { .. } => None,
        }
    }

    /// What its failed sign-ins are counted under.
    pub(crate) fn source(self) -> Source {
        Source::of(match self {
            Self::Local { .. } => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Self::Remote { address } => address,
        })
    }
}
