//! The sessions that run on a server, and which of them a step means. They are found by the account's name, which is never used
//! twice: a session goes on when its account is dropped or renamed.

use super::connection::{Facts, Row, Rows, first};
use super::dialect::Dialect;
use super::log_ins::{Known, LogIns, Reading, Running, least_age};
use super::payload::Membership;
use super::sql::{NOW, literal};
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::provider::SessionScope;
use std::net::IpAddr;

/// The statements that read the counters and the sessions of some accounts; none of them is our own session.
pub(crate) fn query(dialect: Dialect, users: &[&str]) -> String {
    let (table, busy_for) = dialect.process_list();
    let users: Vec<String> = users.iter().map(|user| literal(user)).collect();
    // A list without members is no list.
    let users = if users.is_empty() { "''".to_owned() } else { users.join(", ") };
    format!(
        "{}SELECT p.ID, p.USER, p.HOST, {busy_for} FROM {table} p WHERE p.USER IN ({users}) AND p.ID <> CONNECTION_ID();\n",
        reading(dialect)
    )
}

/// How exact the servers tell since when they run.
const UPTIME_GRAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// How many statements that is.
pub(crate) const STATEMENTS: usize = 2;

/// The statement that reads the counters.
pub(crate) fn reading(dialect: Dialect) -> String {
    let status = dialect.status();
    format!(
        "SELECT {NOW}, (SELECT VARIABLE_VALUE FROM {status} WHERE VARIABLE_NAME = 'Connections'), \
         (SELECT VARIABLE_VALUE FROM {status} WHERE VARIABLE_NAME = 'Uptime');\n"
    )
}

/// Reads what [`reading`] answers.
pub(crate) fn read_reading(rows: &[Row]) -> Result<Reading, Trouble> {
    let row = first(rows)?;
    let now = WallTime::from_micros(row.number(0)?);
    let uptime: u64 = row.number(2)?;
    Ok(Reading { now, connections: row.number(1)?, started: now.minus(std::time::Duration::from_secs(uptime)) })
}

/// Reads what [`query`] answers.
pub(crate) fn read(answers: &[Rows]) -> Result<(Reading, Vec<Running>), Trouble> {
    let [reading, rows] = answers else { return Err(Trouble::Garbled) };
    let running = rows.iter().map(|row| {
        let host = row.text(2)?;
        let from = host.rsplit_once(':').map_or(host, |(from, _)| from);
        Ok(Running {
            id: row.number(0)?,
            user: row.text(1)?.to_owned(),
            from: from.to_owned(),
            busy_for: row.number::<i64>(3).unwrap_or(0).max(0),
        })
    });
    Ok((read_reading(reading)?, running.collect::<Result<_, Trouble>>()?))
}

/// Which sessions a step means: whose, and which of those.
#[derive(Debug, Clone)]
pub(crate) struct Meant<'a> {
    /// The names of the account: the one that it was made with, and one that somebody gave it since.
    pub(crate) users: Vec<String>,
    /// The membership, for accounts that exist.
    pub(crate) membership: Option<&'a Membership>,
    /// Which of them.
    pub(crate) scope: &'a SessionScope,
}

impl Meant<'_> {
    /// Whether the session is one of the account, in the scope or not.
    pub(crate) fn is_of_account(&self, session: &Running) -> bool {
        self.users.contains(&session.user)
            && self.membership.is_none_or(|membership| may_come_from(&membership.host, &session.from))
    }

    /// Whether the session is in the scope.
    ///
    /// # Errors
    /// When an id of ours is none that the server gives.
    pub(crate) fn is_in_scope(
        &self,
        session: &Running,
        reading: &Reading,
        log_ins: &LogIns,
        facts: &Facts,
    ) -> Result<bool, Failure> {
        let grain = facts.dialect.process_list_grain();
        Ok(match self.scope {
            SessionScope::All => true,
            SessionScope::Between { from, until } => {
                let before = self.membership.map_or(0, |membership| membership.connections_before);
                // Numbers begin anew with the server, whose uptime is in whole seconds: it may have started that much later.
                let since = reading.started.plus(UPTIME_GRAIN) >= *from || session.id > before;
                // In doubt it is one of those that had the role: a session may keep what it had.
                since && until.is_none_or(|until| log_ins.by(&facts.target, session, until) != Known::NotSo)
            }
            SessionScope::Ours(ids) => is_ours(ids, session.id)?,
            SessionScope::Foreign { ours, older_than } => {
                let then = reading.now.minus(*older_than);
                !is_ours(ours, session.id)?
                    && (least_age(session, grain) >= *older_than
                        || log_ins.by(&facts.target, session, then) == Known::Yes)
            }
        })
    }
}

/// Whether an id stands among those that our connections have: the number that the server gave each of them.
fn is_ours(ids: &[String], id: u64) -> Result<bool, Failure> {
    let mut found = false;
    for text in ids {
        let known: u64 = text
            .parse()
            .map_err(|_| Failure::new(FailureClass::Bug, "the id of a session is not a connection's number"))?;
        // The greeting tells the lower 32 bits.
        found |= known == id || known == id & u64::from(u32::MAX);
    }
    Ok(found)
}

/// Whether a session from that address can be one of an account with that host part. What cannot be told from here, names and
/// networks, may.
fn may_come_from(host: &str, from: &str) -> bool {
    match (host.parse::<IpAddr>(), from.parse::<IpAddr>()) {
        (Ok(host), Ok(from)) => host == from,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::TargetId;
    use std::time::Duration;

    fn facts() -> Facts {
        Facts {
            dialect: Dialect::MariaDb,
            version: (10, 11),
            admin: "a".to_owned(),
            admin_host: "h".to_owned(),
            seen_from: "h".to_owned(),
            encrypted: true,
            target: TargetId::new("mariadb", "1"),
        }
    }

    fn in_scope(scope: &SessionScope, id: u64, busy_for: u64) -> Result<bool, Failure> {
        let membership = Membership { host: "%".to_owned(), connections_before: 100 };
        let meant = Meant { users: vec!["u".to_owned()], membership: Some(&membership), scope };
        let now = WallTime::from_micros(1_000_000_000);
        let reading = Reading { now, connections: 500, started: WallTime::from_micros(0) };
        let busy_for = i64::try_from(busy_for * 1_000_000).unwrap();
        let session = Running { id, user: "u".to_owned(), from: "10.0.0.1".to_owned(), busy_for };
        meant.is_in_scope(&session, &reading, &LogIns::default(), &facts())
    }

    #[test]
    fn scopes_are_told_by_number_and_by_age() {
        let from = WallTime::from_micros(900_000_000);
        let between = SessionScope::Between { from, until: None };
        assert!(in_scope(&between, 101, 0).unwrap() && !in_scope(&between, 100, 0).unwrap());
        // The server was started since: its numbers say nothing, and everybody came after.
        let restarted = SessionScope::Between { from: WallTime::from_micros(-1), until: None };
        assert!(in_scope(&restarted, 1, 0).unwrap());
        let ours = SessionScope::Ours(vec!["7".to_owned()]);
        assert!(in_scope(&ours, 7, 0).unwrap() && !in_scope(&ours, 8, 0).unwrap());
        assert!(in_scope(&ours, 7 + (1 << 32), 0).unwrap(), "a greeting has 32 bits");
        let foreign = SessionScope::Foreign { ours: vec!["7".to_owned()], older_than: Duration::from_secs(9) };
        assert!(!in_scope(&foreign, 7, 99).unwrap() && in_scope(&foreign, 8, 9).unwrap());
        assert!(!in_scope(&foreign, 8, 8).unwrap());
        assert!(in_scope(&SessionScope::All, 1, 0).unwrap());
    }

    #[test]
    fn an_id_that_is_no_number_is_our_mistake() {
        for id in ["", "x", "7@1", "-1"] {
            let scope = SessionScope::Ours(vec![id.to_owned()]);
            assert_eq!(in_scope(&scope, 7, 0).unwrap_err().class, FailureClass::Bug, "{id}");
        }
    }

    #[test]
    fn an_address_excludes_another_one_only() {
        assert!(may_come_from("10.0.0.1", "10.0.0.1") && !may_come_from("10.0.0.1", "10.0.0.2"));
        assert!(may_come_from("%", "10.0.0.2") && may_come_from("10.0.0.0/255.0.0.0", "10.0.0.2"));
        assert!(may_come_from("::1", "0:0:0:0:0:0:0:1"));
    }
}
