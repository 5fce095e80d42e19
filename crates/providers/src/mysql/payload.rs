//! What is frozen with a change so that it can be undone: one version each so far, with a golden file each that stays
//! readable for as long as a ledger may hold one. No secret is ever in it.

use super::dialect::Dialect;
use crate::leftovers::Leftovers;
use mayfly_domain::{Failure, FailureClass, Payload, WallTime};
use serde::{Deserialize, Serialize};

const ACCOUNT: &str = "account";
const MEMBERSHIP: &str = "membership";

/// Every form that a payload of these providers ever had. The kinds are called after the provider: `mysql.account`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frozen {
    /// `account`, version 1.
    AccountV1(Account),
    /// `membership`, version 1.
    MembershipV1(Membership),
}

/// An account that we make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// Its host part.
    pub(crate) host: String,
    /// The text on it that says that it is ours.
    pub(crate) mark: String,
    /// How many connections it may have.
    pub(crate) connections: u16,
    /// Whether it is let in through TLS only.
    pub(crate) requires_tls: bool,
    /// The role that it has from its log-in on.
    pub(crate) role: Option<String>,
    /// When it is to be closed by the target, by the target's clock.
    pub(crate) deadline: WallTime,
    /// The database in which the event stands that does so; none where the target runs no events for us.
    pub(crate) event_database: Option<String>,
    /// What becomes of what it has defined.
    pub(crate) leftovers: Leftovers,
    /// The account that gets it.
    pub(crate) graveyard_account: String,
}

/// A membership that we add to an existing account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    /// The host part of the account.
    pub(crate) host: String,
    /// The number of the last connection that the server had given out before: a session with a higher one is younger.
    pub(crate) connections_before: u64,
}

impl Frozen {
    /// As the ledger holds it.
    pub(crate) fn payload(&self, dialect: Dialect) -> Result<Payload, Failure> {
        let (kind, bytes) = match self {
            Self::AccountV1(account) => (ACCOUNT, serde_json::to_vec(account)),
            Self::MembershipV1(membership) => (MEMBERSHIP, serde_json::to_vec(membership)),
        };
        let bytes = bytes.map_err(|_| Failure::new(FailureClass::Bug, "a change could not be written down"))?;
        Ok(Payload { kind: format!("{}.{kind}", dialect.name()), version: 1, bytes })
    }

    /// Read back from the ledger.
    pub(crate) fn read(payload: &Payload, dialect: Dialect) -> Result<Self, Failure> {
        let unreadable = || {
            let what = format!("{} version {}", payload.kind, payload.version);
            Failure::new(
                FailureClass::Bug,
                format!(
                    "this build cannot read what was written down of a change ({what}): start the build that wrote it"
                ),
            )
        };
        let kind = payload.kind.strip_prefix(dialect.name()).and_then(|rest| rest.strip_prefix('.'));
        match (kind, payload.version) {
            (Some(ACCOUNT), 1) => serde_json::from_slice(&payload.bytes).map(Self::AccountV1).map_err(|_| unreadable()),
            (Some(MEMBERSHIP), 1) => {
                serde_json::from_slice(&payload.bytes).map(Self::MembershipV1).map_err(|_| unreadable())
            }
            _ => Err(unreadable()),
        }
    }

    /// The host part of the account.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::AccountV1(account) => &account.host,
            Self::MembershipV1(membership) => &membership.host,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Frozen {
        Frozen::AccountV1(Account {
            host: "10.0.0.7".to_owned(),
            mark: "mayfly ins_0 ses_0".to_owned(),
            connections: 20,
            requires_tls: true,
            role: Some("readonly".to_owned()),
            deadline: WallTime::from_micros(1_900_000_000_000_000),
            event_database: Some("mysql".to_owned()),
            leftovers: Leftovers::Graveyard,
            graveyard_account: "mayfly_graveyard".to_owned(),
        })
    }

    fn membership() -> Frozen {
        Frozen::MembershipV1(Membership { host: "%".to_owned(), connections_before: 4711 })
    }

    /// What a ledger of an older version holds has to stay readable: these files are never changed.
    #[test]
    fn golden_payloads_read_back() {
        for (frozen, golden) in [
            (account(), include_str!("golden/account-1.json")),
            (membership(), include_str!("golden/membership-1.json")),
        ] {
            for dialect in [Dialect::MySql, Dialect::MariaDb] {
                let payload = frozen.payload(dialect).unwrap();
                assert_eq!(String::from_utf8(payload.bytes.clone()).unwrap(), golden.trim_end(), "{}", payload.kind);
                assert_eq!(Frozen::read(&payload, dialect).unwrap(), frozen);
            }
        }
    }

    #[test]
    fn another_version_or_kind_is_refused() {
        let payload = account().payload(Dialect::MySql).unwrap();
        assert_eq!(Frozen::read(&payload, Dialect::MariaDb).unwrap_err().class, FailureClass::Bug);
        for bad in [
            Payload { version: 2, ..payload.clone() },
            Payload { kind: "postgresql.account".to_owned(), ..payload.clone() },
            Payload { kind: "mysqlaccount".to_owned(), ..payload.clone() },
            Payload { bytes: b"{}".to_vec(), ..payload.clone() },
            Payload { kind: "mysql.membership".to_owned(), ..payload },
        ] {
            assert_eq!(Frozen::read(&bad, Dialect::MySql).unwrap_err().class, FailureClass::Bug);
        }
    }
}
