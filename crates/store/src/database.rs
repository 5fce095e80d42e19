//! Connections to the SQLite file, all with the same settings, and the small helpers with which statements are run.

use crate::error::OpenError;
use crate::files;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row};
use std::path::Path;
use std::time::Duration;

/// `mfly`: says what the file is to whoever finds it (`file(1)`, and ourselves).
pub(crate) const APPLICATION_ID: i32 = 0x6d66_6c79;

/// How long a statement waits for a lock; only a backup or a verifier of another process can hold one.
const BUSY_MOST: Duration = Duration::from_secs(5);

/// Opens the file for the writer. A commit is on disk when it returns.
pub(crate) fn connect_writer(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection)?;
    let found: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found != APPLICATION_ID && (found != 0 || tables != 0) {
        return Err(OpenError::Foreign { path: path.to_owned(), found });
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens the file for reading. It is opened for writing all the same, because a reader of a write-ahead log takes part in
/// its locks, and then told never to write.
pub(crate) fn connect_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_MOST)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Runs a statement that answers nothing.
pub(crate) fn execute(connection: &Connection, sql: &str, parameters: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(parameters)
}

/// Runs a query of at most one row.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row(parameters, read).optional()
}

/// Runs a query of any number of rows.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
}

/// Runs a query that answers 1 or 0.
pub(crate) fn holds(connection: &Connection, sql: &str, parameters: impl Params) -> rusqlite::Result<bool> {
    connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))
}

/// Writes what a connection sees to a file that must not exist, and brings it to disk.
pub(crate) fn write_copy(connection: &Connection, to: &Path) -> Result<(), OpenError> {
    files::make_new_file(to).map_err(OpenError::file(to))?;
    let name = to.to_str().ok_or_else(|| OpenError::Broken(format!("{} is no text", to.display())))?;
    // The copy is written by this connection, which must not write to the store itself otherwise.
    connection.pragma_update(None, "query_only", false)?;
    execute(connection, include_str!("../sql/snapshot.sql"), [name])?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(OpenError::file(to))
}
