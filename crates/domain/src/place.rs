//! Where a target is and how it is known: the address dialled, the trust demanded of whoever answers there, the credential
//! referred to, and the identity that the server itself gives. All of it is frozen into a change, so that the undo never
//! depends on a record that was edited meanwhile.

use crate::names::RecordName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A host name or address and a TCP port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// A DNS name or an IP address, as the administrator wrote it.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What is demanded of whoever answers at an endpoint before any secret is sent there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Trust {
    /// TLS; the chain leads to one of these authorities and the certificate names the host (libpq's `verify-full`).
    VerifyFull {
        /// PEM of the authorities trusted for this target alone.
        ca_pem: String,
    },
    /// TLS; the chain leads to one of these authorities, whatever name the certificate has (libpq's `verify-ca`).
    VerifyCa {
        /// PEM of the authorities trusted for this target alone.
        ca_pem: String,
    },
    /// SSH; the host proves the key with this fingerprint (OpenSSH's `SHA256:…`).
    HostKey {
        /// The fingerprint.
        fingerprint: String,
    },
    /// SSH; the host proves a key with a certificate for its name, given by one of these authorities.
    HostAuthority {
        /// The public keys of the authorities, a line each in OpenSSH's form.
        keys: String,
    },
    /// SSH; no key of the host has been confirmed yet, so nothing is sent there.
    NotPinned,
    /// No encryption, written down by the administrator for this record: never a fallback.
    Plaintext,
}

/// An endpoint together with the trust demanded there: what a secret is bound to when it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// Where to connect.
    pub endpoint: Endpoint,
    /// Whom to believe there.
    pub trust: Trust,
}

impl Destination {
    /// The bytes that stand for this destination in the associated data of a sealed secret. Each part is preceded by its
    /// length, so that no two destinations share their bytes.
    pub fn binding(&self) -> Vec<u8> {
        let (mode, ca) = match &self.trust {
            Trust::VerifyFull { ca_pem } => ("verify_full", ca_pem.as_str()),
            Trust::VerifyCa { ca_pem } => ("verify_ca", ca_pem.as_str()),
            Trust::HostKey { fingerprint } => ("host_key", fingerprint.as_str()),
            Trust::HostAuthority { keys } => ("host_authority", keys.as_str()),
            Trust::NotPinned => ("not_pinned", ""),
            Trust::Plaintext => ("plaintext", ""),
        };
        let mut bytes = Vec::new();
        for part in [self.endpoint.host.as_bytes(), &self.endpoint.port.to_be_bytes(), mode.as_bytes(), ca.as_bytes()] {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// The user record whose secret is used. Only its name is kept in a change, so that a rotation does not orphan the change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CredentialRef {
    /// The name of the user record.
    pub record: RecordName,
}

/// Everything needed to reach a target again for administration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Where and whom.
    pub destination: Destination,
    /// With which administrative credential.
    pub credential: CredentialRef,
}

/// The server as it identifies itself, for example `postgresql:7391…` with the cluster's system identifier. Two records may
/// lead to one target; all work is queued and counted by target, never by record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(String);

impl TargetId {
    /// An identity from the kind of target and what the server says of itself.
    pub fn new(kind: &str, identity: &str) -> Self {
        Self(format!("{kind}:{identity}"))
    }

    /// An identity read back from the ledger.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(host: &str, port: u16, trust: Trust) -> Destination {
        Destination { endpoint: Endpoint { host: host.to_owned(), port }, trust }
    }

    /// DESIGN §5, destination binding: a change of any part changes the bytes, and parts cannot run into one another.
    #[test]
    fn no_two_destinations_share_a_binding() {
        let full = |ca: &str| Trust::VerifyFull { ca_pem: ca.to_owned() };
        let all = [
            destination("db", 5432, full("ca")),
            destination("db", 5433, full("ca")),
            destination("db2", 5432, full("ca")),
            destination("db", 5432, full("ca2")),
            destination("db", 5432, Trust::VerifyCa { ca_pem: "ca".to_owned() }),
            destination("db", 5432, Trust::Plaintext),
            destination("db", 5432, Trust::HostKey { fingerprint: "ca".to_owned() }),
            destination("db", 5432, Trust::HostAuthority { keys: "ca".to_owned() }),
            destination("d", 5432, full("bca")),
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(i == j, a.binding() == b.binding(), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn an_ipv6_endpoint_prints_with_brackets() {
        assert_eq!(Endpoint { host: "::1".to_owned(), port: 1 }.to_string(), "[::1]:1");
        assert_eq!(Endpoint { host: "db".to_owned(), port: 1 }.to_string(), "db:1");
    }
}
