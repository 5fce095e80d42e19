//! Reading a store's files where no server runs and no key is left: what it holds that is not seen to be gone. Nothing is changed.

use crate::error::OpenError;
use crate::{database, files, ledger, migrate};
use mayfly_engine::ports::ledger::ChangeRow;
use std::path::Path;

/// Every change that may still be on its target, also those of sessions that were open when the store was last written; what
/// builds on something stands before it.
///
/// # Errors
/// [`OpenError::Missing`] when there is no store, [`OpenError::Newer`] when a newer program wrote it, or what SQLite says.
pub fn not_over(directory: &Path) -> Result<Vec<ChangeRow>, OpenError> {
    let path = files::database(directory);
    if !path.exists() {
        return Err(OpenError::Missing { path });
    }
    let connection = database::connect_reader(&path)?;
    let found = migrate::version(&connection)?;
    if found > migrate::newest() {
        return Err(migrate::too_new(&connection));
    }
    Ok(ledger::not_over(&connection)?)
}
