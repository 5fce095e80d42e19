//! Making and opening a store: the lock, the schema, the check of the trail, and the comparison with the checkpoints outside.

use crate::checkpoint;
use crate::database::{self, execute, one};
use crate::error::OpenError;
use crate::health::Status;
use crate::outside::Outside;
use crate::readers::Readers;
use crate::writer::{Work, Writer};
use crate::{Store, files, migrate, trail};
use mayfly_domain::InstallationId;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::trail::CheckpointSigner;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The data directory: the database and the lock. It and its files are for us alone (0700, 0600).
    pub directory: PathBuf,
    /// The directory of checkpoints, outside the data directory.
    pub checkpoints: PathBuf,
}

/// Makes an empty store for a new installation, with its directories.
///
/// # Errors
/// [`OpenError::Exists`] when there is one, [`OpenError::OtherInstallation`] when the directory of checkpoints holds those
/// of another one, [`OpenError::Locked`], or what the files and SQLite say.
pub fn create(settings: &Settings, installation: &InstallationId) -> Result<(), OpenError> {
    files::make_directory(&settings.directory).map_err(OpenError::file(&settings.directory))?;
    files::make_directory(&settings.checkpoints).map_err(OpenError::file(&settings.checkpoints))?;
    let _lock = files::lock(&settings.directory)?;
    let path = files::database(&settings.directory);
    if self::installation(&settings.directory).is_ok() {
        return Err(OpenError::Exists { path });
    }
    let outside = Outside::new(&settings.checkpoints);
    if let Some(last) = outside.last()? {
        let own = checkpoint::origin(installation);
        return Err(OpenError::OtherInstallation { directory: settings.checkpoints.clone(), found: last.origin, own });
    }
    // A store whose making was cut short has no installation yet and is finished now.
    files::make_file(&path).map_err(OpenError::file(&path))?;
    files::restrict(&settings.directory)?;
    let mut connection = database::connect_writer(&path)?;
    migrate::run(&mut connection)?;
    execute(&connection, include_str!("../sql/installation-insert.sql"), [installation.as_str()])?;
    files::sync_directory(&settings.directory).map_err(OpenError::file(&settings.directory))
}

/// Whose store is in a data directory, without opening it for work. Anybody may ask while a server runs.
///
/// # Errors
/// [`OpenError::Missing`] when there is none, or what SQLite says.
pub fn installation(directory: &Path) -> Result<InstallationId, OpenError> {
    let path = files::database(directory);
    if !path.exists() {
        return Err(OpenError::Missing { path });
    }
    let connection = database::connect_reader(&path)?;
    owner(&connection)?.ok_or(OpenError::Missing { path })
}

fn owner(connection: &Connection) -> Result<Option<InstallationId>, OpenError> {
    let sql = include_str!("../sql/installation-read.sql");
    let Some(text) = one(connection, sql, [], |row| row.get::<_, String>(0))? else { return Ok(None) };
    InstallationId::parse(&text).map(Some).map_err(|error| OpenError::Broken(error.to_string()))
}

impl Store {
    /// Opens the store that [`create`] made: takes the lock, brings the schema up to date, checks the trail, holds it against
    /// the checkpoints outside, and starts the threads. `clock` says when a checkpoint was made, `signer` signs it.
    ///
    /// Reads every leaf hash of the trail once, so it blocks for about a second per million entries.
    ///
    /// # Errors
    /// Any [`OpenError`]. Nothing is changed then but, at most, the schema.
    pub fn open(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        signer: Arc<dyn CheckpointSigner>,
    ) -> Result<Self, OpenError> {
        checkpoint::check_key_name(signer.key_name())?;
        let path = files::database(&settings.directory);
        if !path.exists() {
            return Err(OpenError::Missing { path });
        }
        let lock = files::lock(&settings.directory)?;
        files::restrict(&settings.directory)?;
        let mut connection = database::connect_writer(&path)?;
        migrate::run(&mut connection)?;
        let installation = owner(&connection)?.ok_or_else(|| OpenError::Missing { path: path.clone() })?;
        let outside = Outside::new(&settings.checkpoints);
        let (tree, checkpointed) = compare(&connection, &installation, &outside)?;
        let status = Arc::new(Status::default());
        let readers = Readers::start(&path)?;
        let work = Work {
            path,
            connection,
            installation: installation.clone(),
            tree: Some(tree),
            checkpointed,
            outside,
            clock,
            signer,
            status: Arc::clone(&status),
            lock,
        };
        Ok(Self { installation, readers, writer: Writer::start(work)?, status })
    }
}

/// Checks the trail and holds it against the last checkpoint outside. Answers the tree, and how many of its entries are
/// under that checkpoint.
fn compare(
    connection: &Connection,
    installation: &InstallationId,
    outside: &Outside,
) -> Result<(crate::merkle::Tree, u64), OpenError> {
    let directory = || outside.directory().to_owned();
    let own = trail::last_checkpoint(connection)?;
    if !outside.exists()? {
        if own.is_some() {
            return Err(OpenError::CheckpointsMissing { directory: directory() });
        }
        files::make_directory(outside.directory()).map_err(OpenError::file(directory()))?;
    }
    let last = outside.last()?;
    let sizes: Vec<u64> = last.iter().map(|last| last.size).collect();
    let (tree, roots) = trail::check(connection, &sizes)?;
    if own.is_some_and(|own| own > tree.size()) {
        let text = format!("the audit trail was cut to {} entries, its own checkpoints know of more", tree.size());
        return Err(OpenError::Broken(text));
    }
    let Some(last) = last else {
        if own.is_some() {
            let directory = outside.directory().display();
            tracing::warn!(%directory, "There is no checkpoint outside the store: that it was not rolled back is unproven");
        }
        return Ok((tree, 0));
    };
    let origin = checkpoint::origin(installation);
    if last.origin != origin {
        return Err(OpenError::OtherInstallation { directory: directory(), found: last.origin, own: origin });
    }
    match roots.get(&last.size) {
        None => Err(OpenError::RolledBack { entries: tree.size(), checkpoint: last.size, directory: directory() }),
        Some(root) if *root != last.root => Err(OpenError::Rewritten { checkpoint: last.size, directory: directory() }),
        Some(_) => {
            outside.mend()?;
            Ok((tree, last.size))
        }
    }
}
