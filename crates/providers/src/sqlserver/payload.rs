//! What is frozen with a change so that it can be undone: one version each so far, with a golden file each that stays
//! readable for as long as a ledger may hold one. No secret is ever in it.

use super::connection::Home;
use super::settings::InDatabase;
use crate::leftovers::Leftovers;
use mayfly_domain::{Failure, FailureClass, Payload, WallTime};
use serde::{Deserialize, Serialize};

const ACCOUNT: &str = "sqlserver.account";
const MEMBERSHIP: &str = "sqlserver.membership";

/// Every form that a payload of this provider ever had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frozen {
    /// `sqlserver.account`, version 1.
    AccountV1(Account),
    /// `sqlserver.membership`, version 1.
    MembershipV1(Membership),
}

/// An account that we make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// The database in which the work on it is done, and whether it is a user of that one alone.
    pub(crate) database: String,
    /// Whether it is.
    pub(crate) contained: bool,
    /// The text of the property of its user there that says that it is ours.
    pub(crate) mark: String,
    /// The SID that its log-in is given, as `0x…`: drawn by us, so that it is known before there is an answer. A user of a
    /// contained database gets one from the server.
    pub(crate) sid: Option<String>,
    /// The databases that it is a user of, each with its roles.
    pub(crate) databases: Vec<InDatabase>,
    /// The roles of the server.
    pub(crate) server_roles: Vec<String>,
    /// When a job of Agent's disables it, by the target's clock, where one can.
    pub(crate) disabled_at: Option<WallTime>,
    /// What becomes of what it owns.
    pub(crate) leftovers: Leftovers,
    /// Who gets it.
    pub(crate) graveyard: String,
}

/// A membership that we add to an existing account. Both are known by their SIDs, so that a renamed one is still found and one
/// made anew under an old name is not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    /// The database in which the locks are taken.
    pub(crate) database: String,
    /// Whether the account is a user of that one alone.
    pub(crate) contained: bool,
    /// The database whose role it is; none for a role of the server.
    pub(crate) within: Option<String>,
    /// The account, as `0x…`.
    pub(crate) member_sid: String,
    /// The role, as `0x…`.
    pub(crate) role_sid: String,
    /// The role's name at the launch, for texts.
    pub(crate) role: String,
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

    /// Where the work is done.
    pub(crate) fn home(&self) -> Home {
        let (database, contained) = match self {
            Self::AccountV1(account) => (&account.database, account.contained),
            Self::MembershipV1(membership) => (&membership.database, membership.contained),
        };
        Home { database: database.clone(), contained }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Frozen {
        Frozen::AccountV1(Account {
            database: "master".to_owned(),
            contained: false,
            mark: "mayfly ins_0 ses_0".to_owned(),
            sid: Some("0x000102030405060708090A0B0C0D0E0F".to_owned()),
            databases: vec![InDatabase { database: "orders".to_owned(), roles: vec!["db_datareader".to_owned()] }],
            server_roles: vec!["auditors".to_owned()],
            disabled_at: Some(WallTime::from_micros(1_900_000_000_000_000)),
            leftovers: Leftovers::Graveyard,
            graveyard: "mayfly_graveyard".to_owned(),
        })
    }

    fn membership() -> Frozen {
        Frozen::MembershipV1(Membership {
            database: "master".to_owned(),
            contained: false,
            within: Some("orders".to_owned()),
            member_sid: "0x1122".to_owned(),
            role_sid: "0x3344".to_owned(),
            role: "db_owner".to_owned(),
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
            Payload { kind: "postgresql.account".to_owned(), ..payload.clone() },
            Payload { bytes: b"{}".to_vec(), ..payload.clone() },
            Payload { kind: MEMBERSHIP.to_owned(), ..payload },
        ] {
            assert_eq!(Frozen::read(&bad).unwrap_err().class, FailureClass::Bug);
        }
    }
}
