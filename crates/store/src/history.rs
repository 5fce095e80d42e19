//! The history port on SQLite: what the ledger keeps of sessions that are over, and the trail by session.

use crate::Store;
use crate::database::all;
use crate::ledger::session_row;
use crate::trail::entry;
use async_trait::async_trait;
use mayfly_domain::{AccountName, PersonName, RecordName, SessionId, WallTime};
use mayfly_engine::ports::history::{Asked, History, Told};
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::TrailEntry;
use rusqlite::{Error, Row, params};

const OF_ACCOUNT: &str = include_str!("../sql/sessions-told-of-account.sql");
const OF_PERSON: &str = include_str!("../sql/sessions-told-of-person.sql");
const OF_RECORD: &str = include_str!("../sql/sessions-told-of-record.sql");
const OF_ALL: &str = include_str!("../sql/sessions-told.sql");
const OF_SESSION: &str = include_str!("../sql/trail-of-session.sql");

fn told(row: &Row<'_>) -> rusqlite::Result<Told> {
    let made: i64 = row.get("made")?;
    let made = u64::try_from(made).map_err(|_| Error::IntegralValueOutOfRange(0, made))?;
    Ok(Told { made, session: session_row(row)? })
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
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let rows = statement.raw_query().mapped(|row| row.get::<_, String>(3));
            let plan: Vec<String> = rows.map(Result::unwrap).collect();
            assert!(plan.iter().any(|step| step.contains(index)), "{index} is not used: {plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }
}
