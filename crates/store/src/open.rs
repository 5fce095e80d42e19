//! Making and opening a store: the lock, the schema, the check of the trail, and the comparison with the checkpoints outside.

use crate::checkpoint;
use crate::database::{self, execute, one};
use crate::error::OpenError;
use crate::health::Status;
use crate::merkle::Tree;
use crate::outside::Outside;
use crate::readers::Readers;
use crate::standing::{self, Doubt, Standing};
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
    let standing = Standing { epoch: 1, place: Some(standing::place(&settings.directory)?) };
    standing::write(&connection, &standing)?;
    outside.keep_standing(&checkpoint::origin(installation), &standing)?;
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

/// Whose store a connection is to; `None` when its making was cut short.
pub(crate) fn owner(connection: &Connection) -> Result<Option<InstallationId>, OpenError> {
    let sql = include_str!("../sql/installation-read.sql");
    let Some(text) = one(connection, sql, [], |row| row.get::<_, String>(0))? else { return Ok(None) };
    InstallationId::parse(&text).map(Some).map_err(|error| OpenError::Broken(error.to_string()))
}

impl Store {
    /// Opens the store that [`create`] made: takes the lock, brings the schema up to date, checks the trail, holds the store against
    /// what is outside, and starts the threads. `clock` says when a checkpoint was made, `signer` signs it.
    ///
    /// A store that was copied, moved or put back is opened to be observed: [`Store::doubts`] says why, and nothing is written, here or
    /// outside, until [`Store::activate`].
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
        migrate::run_kept(&mut connection, &settings.directory)?;
        let installation = owner(&connection)?.ok_or_else(|| OpenError::Missing { path: path.clone() })?;
        let outside = Outside::new(&settings.checkpoints);
        let Found { tree, checkpointed, mut doubts } = compare(&connection, &installation, &outside)?;
        let claimed = claim(settings, &connection, &installation, &outside, &mut doubts)?;
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
            locks: [lock].into_iter().chain(claimed.lock).collect(),
            observing: !doubts.is_empty(),
        };
        let (epoch, outside_epoch) = (claimed.epoch, claimed.outside_epoch);
        let (writer, settings) = (Writer::start(work)?, settings.clone());
        Ok(Self { installation, readers, writer, status, settings, doubts, epoch, outside_epoch })
    }
}

/// How a store stands to the directory of checkpoints.
struct Claimed {
    /// The lock on the directory; none where the store is only observed, so that the one that acts can have it.
    lock: Option<files::Lock>,
    epoch: u64,
    /// The epoch that is known outside; 0 for none.
    outside_epoch: u64,
}

/// Finds out whether this copy of the store is the one that acts, adding to what speaks against it. The one that acts takes the
/// lock outside and makes both sides say where it is.
fn claim(
    settings: &Settings,
    connection: &Connection,
    installation: &InstallationId,
    outside: &Outside,
    doubts: &mut Vec<Doubt>,
) -> Result<Claimed, OpenError> {
    let origin = checkpoint::origin(installation);
    let here = standing::place(&settings.directory)?;
    let (own, known) = (standing::read(connection)?, outside.standing(&origin)?);
    doubts.extend(standing::doubt(&own, known.as_ref(), &here));
    // One that is only observed must not keep the one that acts from its lock, not even for a moment.
    let lock = if doubts.is_empty() { outside.claim()? } else { None };
    if doubts.is_empty() && lock.is_none() {
        doubts.push(Doubt::Served { path: outside.lock_path() });
    }
    let (epoch, outside_epoch) = (own.epoch, known.as_ref().map_or(0, |known| known.epoch));
    if !doubts.is_empty() {
        return Ok(Claimed { lock: None, epoch, outside_epoch });
    }
    let now = Standing { epoch, place: Some(here) };
    if own != now {
        standing::write(connection, &now)?;
    }
    if known.as_ref() != Some(&now) {
        outside.keep_standing(&origin, &now)?;
    }
    outside.mend()?;
    Ok(Claimed { lock, epoch, outside_epoch })
}

/// What the trail and the checkpoints outside say.
pub(crate) struct Found {
    tree: Tree,
    /// How many entries are under the last checkpoint outside.
    checkpointed: u64,
    pub(crate) doubts: Vec<Doubt>,
}

/// Checks the trail and holds it against the last checkpoint outside.
pub(crate) fn compare(
    connection: &Connection,
    installation: &InstallationId,
    outside: &Outside,
) -> Result<Found, OpenError> {
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
        return Ok(Found { tree, checkpointed: 0, doubts: Vec::new() });
    };
    let origin = checkpoint::origin(installation);
    if last.origin != origin {
        return Err(OpenError::OtherInstallation { directory: directory(), found: last.origin, own: origin });
    }
    let checkpoint = last.size;
    let doubt = match roots.get(&checkpoint) {
        None => Some(Doubt::RolledBack { entries: tree.size(), checkpoint, directory: directory() }),
        Some(root) if *root != last.root => Some(Doubt::Rewritten { checkpoint, directory: directory() }),
        Some(_) => None,
    };
    Ok(Found { tree, checkpointed: checkpoint, doubts: doubt.into_iter().collect() })
}
