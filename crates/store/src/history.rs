//! The history port on SQLite: what the ledger keeps of sessions that are over, and the trail by session.

use crate::Store;
use crate::database::all;
use crate::ledger::{parsed, session_row};
use crate::trail::entry;
use async_trait::async_trait;
use mayfly_domain::{AccountName, PersonName, RecordName, SessionId, WallTime};
use mayfly_engine::ports::history::{Asked, History, Told, Use, UseAsked};
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::TrailEntry;
use rusqlite::{Error, Row, params};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

const OF_ACCOUNT: &str = include_str!("../sql/sessions-told-of-account.sql");
const OF_PERSON: &str = include_str!("../sql/sessions-told-of-person.sql");
const OF_RECORD: &str = include_str!("../sql/sessions-told-of-record.sql");
const OF_ALL: &str = include_str!("../sql/sessions-told.sql");
const OF_SESSION: &str = include_str!("../sql/trail-of-session.sql");
const USE: &str = include_str!("../sql/use-of-sessions.sql");
const USE_OVER: &str = include_str!("../sql/use-of-sessions-over.sql");

fn told(row: &Row<'_>) -> rusqlite::Result<Told> {
    let made: i64 = row.get("made")?;
    let made = u64::try_from(made).map_err(|_| Error::IntegralValueOutOfRange(0, made))?;
    Ok(Told { made, session: session_row(row)? })
}

fn used(row: &Row<'_>) -> rusqlite::Result<Use> {
    let count = |name| -> rusqlite::Result<u64> {
        let found: i64 = row.get(name)?;
        u64::try_from(found).map_err(|_| Error::IntegralValueOutOfRange(0, found))
    };
    Ok(Use {
        person: parsed(row, "person", PersonName::parse)?,
        record: parsed(row, "record", RecordName::parse)?,
        sessions: count("sessions")?,
        first: WallTime::from_micros(row.get("first")?),
        last: WallTime::from_micros(row.get("last")?),
        lasted: Duration::from_micros(count("used")?),
    })
}

/// Puts the use of what is over and of what is not into one list, in its order.
fn together(over: Vec<Use>, open: Vec<Use>, most: u32) -> Vec<Use> {
    let mut pairs: BTreeMap<(PersonName, RecordName), Use> = BTreeMap::new();
    for use_ in over.into_iter().chain(open) {
        match pairs.entry((use_.person.clone(), use_.record.clone())) {
            Entry::Vacant(place) => drop(place.insert(use_)),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.sessions += use_.sessions;
                known.first = known.first.min(use_.first);
                known.last = known.last.max(use_.last);
                known.lasted = known.lasted.saturating_add(use_.lasted);
            }
        }
    }
    pairs.into_values().take(most as usize).collect()
}

/// The statement that finds these sessions by an index.
fn statement(asked: &Asked) -> &'static str {
    match (&asked.account, &asked.person, &asked.record) {
        (Some(_), ..) => OF_ACCOUNT,
        (None, Some(_), _) => OF_PERSON,
        (None, None, Some(_)) => OF_RECORD,
        (None, None, None) => OF_ALL,
    }
}

#[async_trait]
impl History for Store {
    async fn sessions(&self, asked: &Asked, before: Option<u64>, limit: u32) -> Result<Vec<Told>, LedgerError> {
        let asked = asked.clone();
        let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let values = params![
                before,
                asked.account.as_ref().map(AccountName::as_str),
                asked.person.as_ref().map(PersonName::as_str),
                asked.record.as_ref().map(RecordName::as_str),
                asked.until.map_or(i64::MAX, WallTime::micros),
                asked.over,
                asked.from.map_or(i64::MIN, WallTime::micros),
                limit,
            ];
            Ok(all(connection, statement(&asked), values, told)?)
        })
        .await
    }

    async fn used(
        &self,
        asked: &UseAsked,
        after: Option<&(PersonName, RecordName)>,
        limit: u32,
    ) -> Result<Vec<Use>, LedgerError> {
        let (asked, after) = (asked.clone(), after.cloned());
        self.read(move |connection| {
            let after = after.as_ref().map_or(("", ""), |(person, record)| (person.as_str(), record.as_str()));
            let values = params![
                after.0,
                after.1,
                asked.person.as_ref().map(PersonName::as_str),
                asked.from.micros(),
                asked.until.micros(),
                asked.record.as_ref().map(RecordName::as_str),
                limit,
            ];
            let open = all(connection, USE, values, used)?;
            Ok(together(all(connection, USE_OVER, values, used)?, open, limit))
        })
        .await
    }

    async fn story(&self, session: &SessionId, limit: u32) -> Result<Vec<TrailEntry>, LedgerError> {
        let session = session.clone();
        self.read(move |connection| Ok(all(connection, OF_SESSION, params![session.as_str(), limit], entry)?)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// However much there was, what is asked for is found by an index and not by reading all of it.
    #[test]
    fn the_history_is_found_by_indexes() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrate::run(&mut connection).unwrap();
        for (sql, index) in [
            (OF_ACCOUNT, "session_history_account (account=? AND made<?)"),
            (OF_PERSON, "session_history_person (person=? AND made<?)"),
            (OF_RECORD, "session_history_record (record=? AND made<?)"),
            (OF_ALL, "session_history USING INTEGER PRIMARY KEY (rowid<?)"),
            (OF_SESSION, "trail_session (<expr>=?)"),
            (USE_OVER, "session_history USING COVERING INDEX session_history_use ((person,record)>(?,?))"),
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let rows = statement.raw_query().mapped(|row| row.get::<_, String>(3));
            let plan: Vec<String> = rows.map(Result::unwrap).collect();
            assert!(plan.iter().any(|step| step.contains(index)), "{index} is not used: {plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }
}
