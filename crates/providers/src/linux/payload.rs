//! What is frozen with a change so that it can be undone: one version each so far, with a golden file each that stays
//! readable for as long as a ledger may hold one. No secret is ever in it.

use mayfly_domain::{Failure, FailureClass, Payload, WallTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(super) const ACCOUNT: &str = "linux.account";
const MEMBERSHIP: &str = "linux.membership";
const COMPANION: &str = "linux.companion";

/// Every form that a payload of this provider ever had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frozen {
    /// `linux.account`, version 1.
    AccountV1(Account),
    /// `linux.membership`, version 1.
    MembershipV1(Membership),
    /// `linux.companion`, version 1.
    CompanionV1(Companion),
}

/// An account that we make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    /// The text in its GECOS field that says that it is ours.
    pub(super) mark: String,
    /// The first id that it may get, as user and as group.
    pub(super) id_least: u32,
    /// The last one.
    pub(super) id_most: u32,
    /// Its log-in shell.
    pub(super) shell: String,
    /// Its home, which is made with it.
    pub(super) home: String,
    /// The file in which sshd looks for its keys; empty where a certificate takes the place of a key.
    pub(super) keys: String,
    /// When its key or certificate ends, by the host's clock.
    pub(super) valid_until: WallTime,
    /// The local group that it is put in, with its id.
    pub(super) group: Option<(String, u32)>,
    /// Whether sudo knows that group: then the person may have had the whole host.
    pub(super) root: bool,
    /// The places that are searched for what it leaves.
    pub(super) swept: Vec<String>,
    /// Where the person may have had the whole host: a digest of each kind of thing that such a person would change, as it was
    /// at the launch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) states: BTreeMap<String, String>,
    /// Where sshd trusts the record's authority: what a certificate for the session's key says. No key is put on the host then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<Certified>,
    /// Whether it may forward ports.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) forwarding: bool,
}

/// What a certificate for the key of an account's session says beside its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Certified {
    /// The address from which the host sees us come.
    pub(super) from: IpAddr,
    /// From when it is good, by the host's clock.
    pub(super) valid_from: WallTime,
}

/// A membership that we add to an existing account. Both are known by their id, so that a renamed one is still found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Membership {
    /// The account.
    pub(super) uid: u32,
    /// The group.
    pub(super) gid: u32,
    /// Whether sudo knows that group.
    pub(super) root: bool,
    /// The places that are searched for programs that run as root, where it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) swept: Vec<String>,
    /// Where the person may have had the whole host: a digest of each kind of thing that such a person would change, as it was
    /// at the launch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) states: BTreeMap<String, String>,
}

/// A file for sudo that lets one account, which has no password, use what its group may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Companion {
    /// Its path.
    pub(super) path: String,
    /// Its lines.
    pub(super) lines: Vec<String>,
}

impl Frozen {
    /// As the ledger holds it.
    pub(super) fn payload(&self) -> Result<Payload, Failure> {
        let (kind, bytes) = match self {
            Self::AccountV1(account) => (ACCOUNT, serde_json::to_vec(account)),
            Self::MembershipV1(membership) => (MEMBERSHIP, serde_json::to_vec(membership)),
            Self::CompanionV1(companion) => (COMPANION, serde_json::to_vec(companion)),
        };
        let bytes = bytes.map_err(|_| Failure::new(FailureClass::Bug, "a change could not be written down"))?;
        Ok(Payload { kind: kind.to_owned(), version: 1, bytes })
    }

    /// Read back from the ledger.
    pub(super) fn read(payload: &Payload) -> Result<Self, Failure> {
        let bytes = &payload.bytes;
        let read = match (payload.kind.as_str(), payload.version) {
            (ACCOUNT, 1) => serde_json::from_slice(bytes).map(Self::AccountV1).ok(),
            (MEMBERSHIP, 1) => serde_json::from_slice(bytes).map(Self::MembershipV1).ok(),
            (COMPANION, 1) => serde_json::from_slice(bytes).map(Self::CompanionV1).ok(),
            _ => None,
        };
        read.ok_or_else(|| {
            let what = format!("{} version {}", payload.kind, payload.version);
            Failure::new(
                FailureClass::Bug,
                format!(
                    "this build cannot read what was written down of a change ({what}): start the build that wrote it"
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Frozen {
        Frozen::AccountV1(Account {
            mark: "mayfly ins_0 ses_0".to_owned(),
            id_least: 65_536,
            id_most: 99_999,
            shell: "/bin/bash".to_owned(),
            home: "/home/keeper_0".to_owned(),
            keys: "/home/keeper_0/.ssh/authorized_keys".to_owned(),
            valid_until: WallTime::from_micros(1_900_000_000_000_000),
            group: Some(("sudo".to_owned(), 27)),
            root: true,
            swept: vec!["/tmp".to_owned(), "/var/tmp".to_owned()],
            states: BTreeMap::from([("sudoers".to_owned(), "ab".repeat(32))]),
            certificate: None,
            forwarding: false,
        })
    }

    /// One that comes in by a certificate.
    fn certified() -> Frozen {
        Frozen::AccountV1(Account {
            mark: "mayfly ins_0 ses_0".to_owned(),
            id_least: 65_536,
            id_most: 99_999,
            shell: "/bin/bash".to_owned(),
            home: "/home/keeper_0".to_owned(),
            keys: String::new(),
            valid_until: WallTime::from_micros(1_900_000_000_000_000),
            group: None,
            root: false,
            swept: vec!["/tmp".to_owned()],
            states: BTreeMap::new(),
            certificate: Some(Certified {
                from: "192.0.2.10".parse().unwrap(),
                valid_from: WallTime::from_micros(1_899_996_340_000_000),
            }),
            forwarding: true,
        })
    }

    fn membership() -> Frozen {
        Frozen::MembershipV1(Membership { uid: 1000, gid: 27, root: false, swept: Vec::new(), states: BTreeMap::new() })
    }

    fn companion() -> Frozen {
        Frozen::CompanionV1(Companion {
            path: "/etc/sudoers.d/mayfly-keeper_0".to_owned(),
            lines: vec!["Defaults:keeper_0 !authenticate".to_owned()],
        })
    }

    /// What a ledger of an older version holds has to stay readable: these files are never changed.
    #[test]
    fn golden_payloads_read_back() {
        for (frozen, golden) in [
            (account(), include_str!("golden/account-1.json")),
            (certified(), include_str!("golden/account-1-certificate.json")),
            (membership(), include_str!("golden/membership-1.json")),
            (companion(), include_str!("golden/companion-1.json")),
        ] {
            let payload = frozen.payload().unwrap();
            assert_eq!(String::from_utf8(payload.bytes.clone()).unwrap(), golden.trim_end(), "{}", payload.kind);
            assert_eq!(Frozen::read(&payload).unwrap(), frozen);
        }
    }

    #[test]
    fn another_version_or_kind_is_refused() {
        let payload = account().payload().unwrap();
        for bad in [
            Payload { version: 2, ..payload.clone() },
            Payload { kind: "postgresql.account".to_owned(), ..payload.clone() },
            Payload { bytes: b"{}".to_vec(), ..payload.clone() },
            Payload { kind: MEMBERSHIP.to_owned(), ..payload },
        ] {
            assert_eq!(Frozen::read(&bad).unwrap_err().class, FailureClass::Bug);
        }
    }
}
