//! What is frozen with a change so that it can be undone: one version each so far, with a golden file each that stays
//! readable for as long as a ledger may hold one. No secret is ever in it.

use crate::leftovers::Leftovers;
use mayfly_domain::{Failure, FailureClass, Payload, WallTime};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

const ACCOUNT: &str = "postgresql.account";
const MEMBERSHIP: &str = "postgresql.membership";

/// Every form that a payload of this provider ever had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frozen {
    /// `postgresql.account`, version 1.
    AccountV1(Account),
    /// `postgresql.membership`, version 1.
    MembershipV1(Membership),
}

/// An account that we make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// The database in which the work on it is done.
    pub(crate) maintenance_database: String,
    /// The text of its comment that says that it is ours.
    pub(crate) mark: String,
    /// When its password expires, by the target's clock.
    pub(crate) valid_until: WallTime,
    /// How many connections it may have.
    pub(crate) connections: u16,
    /// The iterations of its verifier.
    pub(crate) verifier_iterations: NonZeroU32,
    /// The roles that it is made a member of: the one it is lifted into, and the one that marks our accounts.
    pub(crate) roles: Vec<String>,
    /// What becomes of what it owns.
    pub(crate) leftovers: Leftovers,
    /// The role that gets it.
    pub(crate) graveyard_role: String,
}

/// A membership that we add to an existing account. Roles are known by oid, so that a renamed one is still found and one
/// made anew under an old name is not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    /// The database in which the work on it is done.
    pub(crate) maintenance_database: String,
    /// The account.
    pub(crate) member_oid: u32,
    /// The role that it is lifted into.
    pub(crate) role_oid: u32,
    /// The role that stands in the catalogue as the one who granted.
    pub(crate) grantor_oid: u32,
    /// Its name at the launch, for texts.
    pub(crate) grantor: String,
}

impl Frozen {
    /// As the ledger holds it.
    pub(crate) fn payload(&self) -> Result<Payload, Failure> {
        let (kind, bytes) = match self {
            Self::AccountV1(account) => (ACCOUNT, serde_json::to_vec(account)),
            Self::MembershipV1(membership) => (MEMBERSHIP, serde_json::to_vec(membership)),
        };
        let bytes = bytes.map_err(|_| Failure::new(FailureClass::Bug, "a change could not be written down"))?;
        Ok(Payload { kind: kind.to_owned(), version: 1, bytes })
    }

    /// Read back from the ledger.
    pub(crate) fn read(payload: &Payload) -> Result<Self, Failure> {
        let unreadable = || {
            let what = format!("{} version {}", payload.kind, payload.version);
            Failure::new(
                FailureClass::Bug,
                format!(
                    "this build cannot read what was written down of a change ({what}): start the build that wrote it"
                ),
            )
        };
        match (payload.kind.as_str(), payload.version) {
            (ACCOUNT, 1) => serde_json::from_slice(&payload.bytes).map(Self::AccountV1).map_err(|_| unreadable()),
            (MEMBERSHIP, 1) => serde_json::from_slice(&payload.bytes).map(Self::MembershipV1).map_err(|_| unreadable()),
            _ => Err(unreadable()),
        }
    }

    /// The database in which the work is done.
    pub(crate) fn maintenance_database(&self) -> &str {
        match self {
            Self::AccountV1(account) => &account.maintenance_database,
            Self::MembershipV1(membership) => &membership.maintenance_database,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Frozen {
        Frozen::AccountV1(Account {
            maintenance_database: "postgres".to_owned(),
            mark: "mayfly ins_0 ses_0".to_owned(),
            valid_until: WallTime::from_micros(1_900_000_000_000_000),
            connections: 20,
            verifier_iterations: NonZeroU32::MIN,
            roles: vec!["readonly".to_owned(), "mayfly_accounts".to_owned()],
            leftovers: Leftovers::Graveyard,
            graveyard_role: "mayfly_graveyard".to_owned(),
        })
    }

    fn membership() -> Frozen {
        Frozen::MembershipV1(Membership {
            maintenance_database: "postgres".to_owned(),
            member_oid: 16_400,
            role_oid: 16_401,
            grantor_oid: 10,
            grantor: "postgres".to_owned(),
        })
    }

    /// What a ledger of an older version holds has to stay readable: these files are never changed.
    #[test]
    fn golden_payloads_read_back() {
        for (frozen, golden) in [
            (account(), include_str!("golden/account-1.json")),
            (membership(), include_str!("golden/membership-1.json")),
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
            Payload { kind: "mysql.account".to_owned(), ..payload.clone() },
            Payload { bytes: b"{}".to_vec(), ..payload.clone() },
            Payload { kind: MEMBERSHIP.to_owned(), ..payload },
        ] {
            assert_eq!(Frozen::read(&bad).unwrap_err().class, FailureClass::Bug);
        }
    }
}
