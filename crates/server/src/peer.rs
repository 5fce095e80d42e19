//! Who is at the other end of the local socket.

use mayfly_domain::Administration;
use mayfly_domain::authorise::authorise_administration;

/// A process at the other end of the local socket, as the kernel names its user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Its effective user id when it connected.
    pub(crate) uid: u32,
}

impl Peer {
    /// The proof that this peer may administer; `None` when it may not.
    pub(crate) fn administration(self) -> Option<Administration> {
        authorise_administration(self.uid, rustix::process::geteuid().as_raw()).ok()
    }
}
