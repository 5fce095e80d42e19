//! Whole copies of a store: one is made while a server writes, for a backup or before the schema changes, and one that was restored is
//! marked, so that it is observed first.

use crate::database::{self, one};
use crate::error::OpenError;
use crate::{files, migrate, open, standing};
use mayfly_domain::InstallationId;
use std::path::Path;

/// What is in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Whose store it is of.
    pub installation: InstallationId,
    /// The version of its schema.
    pub schema: u32,
    /// Its epoch.
    pub epoch: u64,
    /// How many entries its trail has.
    pub entries: u64,
    /// How many sessions were not over.
    pub sessions: u64,
    /// How many changes on targets were not withdrawn.
    pub changes: u64,
}

/// Writes a consistent copy of the store in `directory` to the file `to`, which is for us alone and must not exist. A server may go on
/// writing meanwhile. Blocks for as long as it takes to write the whole store, and brings it to disk.
///
/// # Errors
/// What the files and SQLite say.
pub fn snapshot(directory: &Path, to: &Path) -> Result<Contents, OpenError> {
    let path = files::database(directory);
    if !path.exists() {
        return Err(OpenError::Missing { path });
    }
    database::write_copy(&database::connect_reader(&path)?, to)?;
    let copy = database::connect_reader(to)?;
    let installation = open::owner(&copy)?.ok_or(OpenError::Missing { path })?;
    let counts = one(&copy, include_str!("../sql/contents.sql"), [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let (entries, sessions, changes) = counts.unwrap_or_default();
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    Ok(Contents {
        installation,
        schema: migrate::version(&copy)?,
        epoch: standing::read(&copy)?.epoch,
        entries: count(entries),
        sessions: count(sessions),
        changes: count(changes),
    })
}

/// Makes the store in `directory`, which was put there from a backup made at `made`, one that is observed until it is activated. Brings
/// its schema up to date.
///
/// # Errors
/// Any [`OpenError`].
pub fn mark_restored(directory: &Path, made: &str) -> Result<InstallationId, OpenError> {
    let path = files::database(directory);
    if !path.exists() {
        return Err(OpenError::Missing { path });
    }
    let _lock = files::lock(directory)?;
    files::restrict(directory)?;
    let mut connection = database::connect_writer(&path)?;
    migrate::run(&mut connection)?;
    standing::mark_restored(&connection, made)?;
    open::owner(&connection)?.ok_or(OpenError::Missing { path })
}
