//! What a step means on a host: the lock of its account, the id that the ledger holds, and which sessions are in a scope.

use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::SessionScope;
use sha2::{Digest as _, Sha256};

/// The name of the lock that opening, looking and removing of one account share: one of 256, so that their files need no
/// tidying up. Two accounts that share one only wait for each other.
pub(super) fn lock_name(account: &str) -> String {
    format!("{:02x}", Sha256::digest(account)[0])
}

/// The uid that the ledger holds, as text; empty if it holds none.
///
/// # Errors
/// When what it holds is not a uid.
pub(super) fn recorded_uid(change: &ChangeRow) -> Result<String, Failure> {
    let Some(text) = &change.native_id else { return Ok(String::new()) };
    match text.parse::<u32>() {
        Ok(uid) if uid > 0 && uid < u32::MAX => Ok(uid.to_string()),
        _ => Err(Failure::new(FailureClass::Bug, "the identity recorded for a change is not a uid")),
    }
}

/// A scope as the scripts take it: mode, from and until in microseconds, age in seconds, ids.
pub(super) struct ScopeValues(pub(super) [String; 5]);

impl ScopeValues {
    /// Writes a scope down.
    ///
    /// # Errors
    /// When an id of a session is not one.
    pub(super) fn of(scope: &SessionScope) -> Result<Self, Failure> {
        let no = String::new;
        Ok(Self(match scope {
            SessionScope::All => ["all".to_owned(), no(), no(), no(), no()],
            SessionScope::Between { from, until } => [
                "between".to_owned(),
                from.micros().to_string(),
                until.map_or_else(no, |until| until.micros().to_string()),
                no(),
                no(),
            ],
            SessionScope::Ours(ids) => ["ours".to_owned(), no(), no(), no(), listed(ids)?],
            SessionScope::Foreign { ours, older_than } => {
                ["foreign".to_owned(), no(), no(), older_than.as_secs().to_string(), listed(ours)?]
            }
        }))
    }

    /// As the tail of a script's values.
    pub(super) fn values(&self) -> [&str; 5] {
        self.0.each_ref().map(String::as_str)
    }
}

/// A session's id is the process of sshd that serves its connection, `PID`, `PID@START` with its start in clock ticks since
/// the host's, which tells two processes apart that had the same pid, or `PID@START#AUDIT` with the kernel's audit session id,
/// by which what it started is found after it has ended.
fn listed(ids: &[String]) -> Result<String, Failure> {
    let number = |text: &str| !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    let good = |id: &&String| {
        let (process, audit) =
            id.split_once('#').map_or((id.as_str(), None), |(process, audit)| (process, Some(audit)));
        let (pid, start) = process.split_once('@').map_or((process, None), |(pid, start)| (pid, Some(start)));
        number(pid) && start.is_none_or(number) && audit.is_none_or(|audit| start.is_some() && number(audit))
    };
    if ids.iter().all(|id| good(&id)) {
        Ok(ids.join(" "))
    } else {
        Err(Failure::new(FailureClass::Bug, "the id of a session is not a process"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::WallTime;
    use std::time::Duration;

    #[test]
    fn scopes_become_values() {
        let of = |scope| ScopeValues::of(&scope).unwrap().0.join("|");
        assert_eq!(of(SessionScope::All), "all||||");
        let from = WallTime::from_micros(5);
        assert_eq!(of(SessionScope::Between { from, until: None }), "between|5|||");
        assert_eq!(of(SessionScope::Between { from, until: Some(from) }), "between|5|5||");
        let ours = vec!["7".to_owned(), "8@100".to_owned(), "9@100#3".to_owned()];
        assert_eq!(of(SessionScope::Ours(ours.clone())), "ours||||7 8@100 9@100#3");
        assert_eq!(
            of(SessionScope::Foreign { ours, older_than: Duration::from_secs(9) }),
            "foreign|||9|7 8@100 9@100#3"
        );
    }

    #[test]
    fn an_id_that_is_no_process_reaches_no_host() {
        for id in ["", "x", "7 8", "7@", "7@x", "-1", "7#3", "7@1#", "7@1@1", "$(id)"] {
            let failure = ScopeValues::of(&SessionScope::Ours(vec![id.to_owned()])).err().unwrap();
            assert_eq!(failure.class, FailureClass::Bug, "{id}");
        }
    }

    #[test]
    fn locks_are_few() {
        assert_eq!(lock_name("keeper_0").len(), 2);
        assert_eq!(lock_name("keeper_0"), lock_name("keeper_0"));
    }
}
