//! Which process holds a port that we want to listen on, and which port near it is free.

use procfs::net::TcpState;
use procfs::process::FDTarget;
use std::fmt;
use std::net::{SocketAddr, TcpListener};

/// How far from the port that was wanted another one is looked for.
const NEAR: u16 = 1000;

/// A process that holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its id.
    pub(crate) pid: i32,
    /// Its name, as the kernel keeps it.
    pub(crate) name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.pid, self.name.escape_debug())
    }
}

/// Whether nobody listens at an address, so that we can. An address that is not this machine's is an error.
///
/// # Errors
/// The system's, but for an address that is in use.
pub(crate) fn is_free(address: SocketAddr) -> std::io::Result<bool> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error),
    }
}

/// The process that listens where we want to. `None` when it cannot be seen: whoever is not root sees only their own.
pub(crate) fn holder(address: SocketAddr) -> Option<Holder> {
    let listening = procfs::net::tcp().into_iter().chain(procfs::net::tcp6()).flatten().filter(|entry| {
        let there = entry.local_address.ip();
        let same = there == address.ip() || there.is_unspecified() || address.ip().is_unspecified();
        entry.state == TcpState::Listen && entry.local_address.port() == address.port() && same
    });
    let sockets: Vec<u64> = listening.map(|entry| entry.inode).collect();
    let holds = |target: &FDTarget| matches!(target, FDTarget::Socket(inode) if sockets.contains(inode));
    procfs::process::all_processes().ok()?.flatten().find_map(|process| {
        process.fd().ok()?.flatten().any(|descriptor| holds(&descriptor.target)).then_some(())?;
        Some(Holder { pid: process.pid(), name: process.stat().ok()?.comm })
    })
}

/// The next free port above one that is not.
pub(crate) fn near(address: SocketAddr) -> Option<SocketAddr> {
    let ports = address.port().checked_add(1)?..=address.port().saturating_add(NEAR);
    ports.map(|port| SocketAddr::new(address.ip(), port)).find(|address| is_free(*address).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_held_has_a_holder_and_a_free_one_near() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = listener.local_addr().unwrap();
        assert!(!is_free(held).unwrap());
        assert_eq!(holder(held).unwrap().pid, i32::try_from(std::process::id()).unwrap());
        let everywhere = SocketAddr::new("0.0.0.0".parse().unwrap(), held.port());
        assert_eq!(holder(everywhere), holder(held), "whoever wants all addresses wants this one too");
        assert_ne!(near(held).unwrap().port(), held.port());
        drop(listener);
        assert!(is_free(held).unwrap() && holder(held).is_none());
    }
}
