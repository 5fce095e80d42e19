//! The key that an SSH host shows, and what can be wrong with it: what errors and the SSH client share.

/// A host key that was shown, not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHostKey {
    /// Its algorithm, for example `ssh-ed25519`.
    pub algorithm: String,
    /// Its fingerprint, `SHA256:…`.
    pub fingerprint: String,
}

/// What is wrong with the key that a host showed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyFault {
    /// It is another one than the record pins.
    #[error("it is {found}, and the record pins {pinned}")]
    Changed {
        /// The fingerprint that the record pins.
        pinned: String,
        /// The fingerprint of the key that was shown.
        found: String,
    },
    /// None has been confirmed for this record yet.
    #[error("none is pinned yet (mayfly record pin)")]
    NotPinned,
    /// The record trusts an authority and the host shows a key without a certificate.
    #[error("it comes without a certificate of the record's authority")]
    NoCertificate,
    /// The certificate is of another authority, for other hosts, not valid now, or not one for hosts.
    #[error("its certificate is not one that the record's authority gave this host for now")]
    Certificate,
    /// The record's authority text cannot be read.
    #[error("the record's `host_key.ca` holds no public key that can be read")]
    Authority,
    /// The record trusts no host key: it was written for another kind of target.
    #[error("the record has no `host_key`")]
    NoTrust,
}

impl HostKeyFault {
    /// Whether a host that the record does not trust has answered, and not only a record that trusts nobody.
    pub const fn is_another_host(&self) -> bool {
        match self {
            Self::Changed { .. } | Self::NoCertificate | Self::Certificate => true,
            Self::NotPinned | Self::Authority | Self::NoTrust => false,
        }
    }
}
