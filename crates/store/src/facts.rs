//! What a store is like, in numbers alone: for whoever has to understand an installation from afar.

use crate::database::{self, all};
use crate::error::{OpenError, Stop};
use crate::{Store, files, migrate, standing};
use mayfly_engine::ports::ledger::LedgerError;
use rusqlite::Connection;
use std::path::Path;

/// What a store is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The version of its schema.
    pub schema: u32,
    /// Its epoch.
    pub epoch: u64,
    /// How many rows each table has.
    pub rows: Vec<(String, u64)>,
    /// How many sessions that are not over are in each state.
    pub sessions: Vec<(String, u64)>,
}

impl Store {
    /// What the store is like now.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be read.
    pub async fn facts(&self) -> Result<Facts, LedgerError> {
        let unreadable = |error: OpenError| Stop::Unavailable(error.to_string());
        self.read(move |connection| of(connection).map_err(unreadable)).await
    }
}

/// What the store in `directory` is like, also while no server runs. Nothing is changed.
///
/// # Errors
/// [`OpenError::Missing`] when there is none, or what SQLite says, also when the schema is another one than this program's.
pub fn facts(directory: &Path) -> Result<Facts, OpenError> {
    let path = files::database(directory);
    if !path.exists() {
        return Err(OpenError::Missing { path });
    }
    of(&database::connect_reader(&path)?)
}

fn of(connection: &Connection) -> Result<Facts, OpenError> {
    let counted = |sql| {
        all(connection, sql, [], |row| {
            Ok((row.get::<_, String>(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default()))
        })
    };
    Ok(Facts {
        schema: migrate::version(connection)?,
        epoch: standing::read(connection)?.epoch,
        rows: counted(include_str!("../sql/facts-rows.sql"))?,
        sessions: counted(include_str!("../sql/facts-sessions.sql"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds a table adds its count.
    #[test]
    fn every_table_is_counted() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::run(&mut connection).unwrap();
        let facts = of(&connection).unwrap();
        assert_eq!(facts.schema, migrate::newest());
        let counted: Vec<&str> = facts.rows.iter().map(|(table, _)| table.as_str()).collect();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        let tables = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(counted, tables.map(Result::unwrap).collect::<Vec<_>>());
    }
}
