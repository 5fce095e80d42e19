//! `mayfly server restore`: puts a backup where there is no store. What it makes is only observed until somebody activates it.

use crate::backup::{self, BackupError};
use crate::config::{Config, ConfigError};
use crate::files;
use crate::keys;
use mayfly_vault::{SourceError, Vault};
use mayfly_wire::status::BackupAbout;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The installation's key.
    #[error(transparent)]
    Key(#[from] SourceError),
    /// There is something already.
    #[error("{0} is not empty: a backup is never put over a store; move it away first")]
    Exists(PathBuf),
    /// The backup, or a file.
    #[error(transparent)]
    Backup(#[from] BackupError),
}

/// Restores the backup in `file` into the empty data directory that the settings name, and gives it to `owner`, the user id and group id
/// that the server runs as, where they are not this process's own. The settings and keys have to be there already.
///
/// # Errors
/// [`RestoreError`]; the data directory is as it was then.
pub fn restore(path: &Path, file: &Path, owner: Option<(u32, u32)>) -> Result<BackupAbout, RestoreError> {
    let config = Config::read(path)?;
    let data = &config.data_directory;
    let vault = Vault::new(keys::installation_key(&config.keys)?);
    for directory in [data, &config.audit.checkpoints] {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(BackupError::file(directory))?;
    }
    if std::fs::read_dir(data).map_err(BackupError::file(data))?.next().is_some() {
        return Err(RestoreError::Exists(data.clone()));
    }
    let sealed = BufReader::new(File::open(file).map_err(BackupError::file(file))?);
    let about = backup::unpack(sealed, &vault, data)?;
    mayfly_store::mark_restored(data, &about.made).map_err(BackupError::from)?;
    if let Some(owner) = owner {
        for directory in [data, &config.audit.checkpoints] {
            files::hand_over(directory, owner).map_err(BackupError::file(directory))?;
        }
    }
    Ok(about)
}
