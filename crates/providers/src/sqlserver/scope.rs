//! Which accounts and sessions a step means: an account by the SID that the ledger or its payload holds, its sessions by that SID
//! and never by name, since a dropped log-in leaves its sessions nameless.

use super::connection::{Home, Row, needed, text, yes};
use super::payload::{Account, Frozen};
use super::sql::{Value, bytes, call};
use super::texts;
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::SessionScope;
use std::time::Duration;

/// Times of log-ins are kept in steps of 3⅓ ms, rounded (`datetime`), so that one may seem to be that much earlier.
const ROUNDED: Duration = Duration::from_millis(4);

/// A SID that we wrote down.
///
/// # Errors
/// When it is none.
pub(crate) fn sid(text: &str) -> Result<Vec<u8>, Failure> {
    bytes(text)
        .filter(|sid| !sid.is_empty() && sid.len() <= 85)
        .ok_or_else(|| Failure::new(FailureClass::Bug, "the identity recorded for a change is not a SID"))
}

/// The SID of an account of ours: the one that the ledger holds, or the one that it was to be given.
///
/// # Errors
/// When what is written down is none.
pub(crate) fn account_sid(change: &ChangeRow, account: &Account) -> Result<Option<Vec<u8>>, Failure> {
    change.native_id.as_deref().or(account.sid.as_deref()).map(sid).transpose()
}

/// The name of the job of Agent's that holds the deadline of an account.
pub(crate) fn job(change: &ChangeRow) -> String {
    format!("mayfly {}", change.account)
}

/// The arguments by which our account is found: `@sid`, `@name` and `@mark`.
pub(crate) fn of_account<'a>(
    change: &'a ChangeRow,
    account: &'a Account,
    sid: Option<&'a [u8]>,
) -> Vec<(&'static str, &'static str, Value<'a>)> {
    vec![
        ("sid", "varbinary(85)", sid.map_or(Value::Null, Value::Sid)),
        ("name", "sysname", Value::Text(change.account.as_str())),
        ("mark", "nvarchar(200)", Value::Text(&account.mark)),
    ]
}

/// The statement that lists the sessions of a change's account: two result sets.
///
/// # Errors
/// When what is written down is no SID.
pub(crate) fn list(change: &ChangeRow, frozen: &Frozen) -> Result<String, Failure> {
    let home = frozen.home();
    let (found, mark) = match frozen {
        Frozen::AccountV1(account) => (account_sid(change, account)?, account.mark.as_str()),
        Frozen::MembershipV1(membership) => (Some(sid(&membership.member_sid)?), ""),
    };
    let of = ("sid", "varbinary(85)", found.as_deref().map_or(Value::Null, Value::Sid));
    Ok(if home.contained {
        call(&home.database, &texts::USER_SESSIONS, &[of, ("mark", "nvarchar(200)", Value::Text(mark))])
    } else {
        call(&home.database, &texts::SESSIONS, &[of])
    })
}

/// A session that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its number, which is used again once it is gone.
    pub(crate) id: i32,
    /// When it began, as the server says it.
    pub(crate) since: i64,
    /// With which SID.
    pub(crate) sid: Vec<u8>,
    /// From where.
    pub(crate) address: String,
}

/// The sessions of an account, and the clock by which they are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sessions {
    pub(crate) now: WallTime,
    pub(crate) all: Vec<Session>,
}

impl Sessions {
    /// Reads the two result sets. Where the sessions of others are hidden, nothing can be said of any.
    pub(crate) fn read(sets: &[Vec<Row>], home: &Home, admin: &str) -> Result<Self, Trouble> {
        let [first, rows] = sets else { return Err(Trouble::Garbled) };
        let first = super::connection::only(first)?;
        if !yes(first, 1)? {
            return Err(Trouble::Known(Failure::new(FailureClass::NotPermitted, hidden(home, admin))));
        }
        let session = |row: &Row| {
            Ok(Session {
                id: needed(row, 0)?,
                since: needed(row, 1)?,
                sid: bytes(text(row, 2)?).ok_or(Trouble::Garbled)?,
                address: text(row, 3)?.to_owned(),
            })
        };
        Ok(Self {
            now: WallTime::from_micros(needed(first, 0)?),
            all: rows.iter().map(session).collect::<Result<_, Trouble>>()?,
        })
    }

    /// Those in a scope.
    ///
    /// # Errors
    /// When an id of ours is none that a server gives.
    pub(crate) fn within(&self, scope: &SessionScope) -> Result<Vec<&Session>, Failure> {
        let mut within = Vec::new();
        for session in &self.all {
            if session.is_in(scope, self.now)? {
                within.push(session);
            }
        }
        Ok(within)
    }
}

/// What is said when the sessions of others are hidden.
pub(crate) fn hidden(home: &Home, admin: &str) -> String {
    let admin = super::sql::shown(admin);
    let right = if home.contained {
        format!("on Azure: GRANT VIEW DATABASE STATE TO {admin}; on SQL Server: GRANT VIEW SERVER STATE TO {admin};")
    } else {
        format!("as a member of sysadmin: GRANT VIEW SERVER STATE TO {admin};")
    };
    format!("{admin} does not see the sessions of others; {right}")
}

impl Session {
    /// When it began; nothing while it is still logging in.
    pub(crate) fn began(&self) -> Option<WallTime> {
        (self.since > 0).then(|| WallTime::from_micros(self.since))
    }

    /// Whether it is in the scope. One that is still logging in counts as in it: nothing ends well while it is there.
    pub(crate) fn is_in(&self, scope: &SessionScope, now: WallTime) -> Result<bool, Failure> {
        Ok(match scope {
            SessionScope::All => true,
            SessionScope::Between { from, until } => self.began().is_none_or(|began| {
                began.plus(ROUNDED) >= *from && until.is_none_or(|until| began <= until.plus(ROUNDED))
            }),
            SessionScope::Ours(ids) => self.is_one_of(ids)?,
            SessionScope::Foreign { ours, older_than } => {
                !self.is_one_of(ours)? && self.began().is_some_and(|began| now.since(began) > *older_than)
            }
        })
    }

    /// A session's id is its number, or `number@start` with the microseconds since 1970 at which it began, which tells two apart
    /// that had the same number.
    fn is_one_of(&self, ids: &[String]) -> Result<bool, Failure> {
        let bug = || Failure::new(FailureClass::Bug, "the id of a session is not a number");
        for id in ids {
            let (number, start) = id.split_once('@').map_or((id.as_str(), None), |(id, start)| (id, Some(start)));
            let number: u16 = number.parse().map_err(|_| bug())?;
            let start: Option<i64> = start.map(str::parse).transpose().map_err(|_| bug())?;
            if self.id == i32::from(number) && start.is_none_or(|start| start == self.since) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: i32, since: i64) -> Session {
        Session { id, since, sid: vec![1], address: String::new() }
    }

    #[test]
    fn scopes_choose_sessions() {
        let second = |count: i64| WallTime::from_micros(count * 1_000_000);
        let now = second(100);
        let is_in = |since: i64, scope: &SessionScope| session(7, since * 1_000_000).is_in(scope, now).unwrap();
        let between = SessionScope::Between { from: second(10), until: Some(second(20)) };
        assert!(is_in(50, &SessionScope::All) && is_in(10, &between) && is_in(20, &between));
        assert!(!is_in(9, &between) && !is_in(21, &between));
        assert!(is_in(0, &between), "one that is still logging in");
        let ours = |ids: &[&str]| SessionScope::Ours(ids.iter().map(|id| (*id).to_owned()).collect());
        assert!(is_in(50, &ours(&["7"])) && is_in(50, &ours(&["8", "7@50000000"])));
        assert!(!is_in(50, &ours(&[])) && !is_in(50, &ours(&["7@49"])));
        let foreign = |ids: &[&str], seconds| SessionScope::Foreign {
            ours: ids.iter().map(|id| (*id).to_owned()).collect(),
            older_than: Duration::from_secs(seconds),
        };
        assert!(is_in(50, &foreign(&["8"], 49)) && !is_in(50, &foreign(&["7"], 49)) && !is_in(50, &foreign(&[], 50)));
    }

    #[test]
    fn an_id_that_is_no_number_is_refused() {
        for id in ["", "x", "7 OR 1=1", "7@", "7@x", "-1", "99999"] {
            let scope = SessionScope::Ours(vec![id.to_owned()]);
            assert_eq!(
                session(7, 1).is_in(&scope, WallTime::from_micros(0)).unwrap_err().class,
                FailureClass::Bug,
                "{id}"
            );
        }
    }

    #[test]
    fn only_sids_are_sids() {
        assert_eq!(sid("0x01").unwrap(), [1]);
        for bad in ["", "0x", "01", "0x1", &format!("0x{}", "00".repeat(86))] {
            assert_eq!(sid(bad).unwrap_err().class, FailureClass::Bug, "{bad}");
        }
    }
}
