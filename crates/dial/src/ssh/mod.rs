//! SSH to a target (RFC 4251 to 4254, OpenSSH's certificates): the host proves the key that the record trusts before anything
//! is sent, we log in with a key, a certificate or a password, and commands and channels run over the one connection.
//!
//! Invariants, stated as absences: no host key is taken on trust; no agent, port or display is forwarded to us; nothing that
//! the host opens towards us is accepted.

mod authority;
mod connect;
mod hold;
mod key;
mod run;
mod trust;

pub use crate::host_key::{HostKeyFault, SeenHostKey};
pub use authority::{CertificateTerms, UserAuthority, UserCertificate};
pub use connect::SshConnection;
pub use hold::Reading;
pub use key::{SshKey, SshLogin};
pub use run::{Ran, SshError, Waiting};
pub use russh::client::Msg as SshMessage;
pub use trust::fingerprint_of_line;
