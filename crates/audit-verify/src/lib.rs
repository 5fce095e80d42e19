//! Verifies an audit trail of Mayfly's from `docs/audit-format.md` alone: an export or a store's file, against signed
//! checkpoints and a public key. It names the first entry that is bad, and says in words what was done to it.
//!
//! Invariants, stated as absences: it uses no code of the server's, writes nothing, needs no network and no secret, and
//! believes nothing that it reads but the public key.

mod entry;
mod failure;
mod finding;
mod key;
mod note;
mod source;
mod tree;
mod verify;

pub use failure::Failure;
pub use finding::Finding;
pub use key::{KeyError, PublicKey};
pub use note::{Note, Whence};
pub use source::{Line, ReadError, StoreFile, export, notes_in_directory, notes_in_file};
pub use verify::{Report, verify};
