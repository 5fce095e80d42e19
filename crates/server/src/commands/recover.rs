//! `mayfly server recover-key`: writes keys that were lost again, from the recovery key and the data directory. It makes no new
//! key and touches none that is there.

use crate::config::{Config, Source};
use crate::files;
use crate::recovery::{self, Recovered};
use crate::wire_up::{StartError, read_key_check};
use mayfly_domain::{InstallationId, Secret};
use mayfly_store::OpenError;
use mayfly_vault::{Fingerprint, KeyText, RecoveryKey, RecoveryTextError, Sealed, SourceError, VaultError, write_new};
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverReport {
    /// The keys that were written.
    pub written: Vec<PathBuf>,
    /// Those that were there already and were not touched.
    pub kept: Vec<PathBuf>,
    /// The name of the installation's key.
    pub fingerprint: String,
}

/// Why no key was recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The settings, or the files of the data directory.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// What was typed is no recovery key.
    #[error("{0}")]
    Typed(#[from] RecoveryTextError),
    /// It is another one.
    #[error("this is a recovery key, named {found}, but not the one of this installation: that is named {expected}")]
    Wrong {
        /// The one that is needed.
        expected: Fingerprint,
        /// The one that was given.
        found: Fingerprint,
    },
    /// There is nothing to recover from.
    #[error(
        "{0} is missing, which holds the keys sealed by the recovery key: without it and the keys no stored secret can be read"
    )]
    NoRecovery(PathBuf),
    /// What was recovered is not the key that the store needs.
    #[error("what this recovery key gives is not what the store needs: {0}")]
    Vault(#[from] VaultError),
    /// The settings take the key from elsewhere than a file.
    #[error(
        "`{0}` does not name a file: say with --directory where to write the key, and give it to where it is read from"
    )]
    NotAFile(&'static str),
    /// Both keys are there.
    #[error("no key is lost: {0} and {1} are there; a key is never written over another")]
    Nothing(PathBuf, PathBuf),
    /// A key cannot be written.
    #[error(transparent)]
    Write(#[from] SourceError),
    /// A file cannot be given to whom the server runs as.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

/// Writes the keys that are missing to where the settings in `config` look for them, or into `directory`.
///
/// # Errors
/// [`RecoverError`] that says what to do.
pub fn recover(config: &Path, directory: Option<&Path>, typed: &Secret) -> Result<RecoverReport, RecoverError> {
    let config = Config::read(config).map_err(StartError::from)?;
    let recovery = RecoveryKey::parse(typed.expose())?;
    let installation = mayfly_store::installation(&config.data_directory)?;
    let Recovered { master, audit } = open(&config.data_directory, &installation, &recovery)?;
    let mut master_path = place(directory, "master.key", "keys.master", &config.keys.master)?;
    let audit_path = place(directory, "audit.key", "keys.audit", &config.keys.audit)?;
    match read_key_check(&config.data_directory)?.verify(&installation, &master) {
        Ok(()) => {}
        // The new key of an exchange that was cut short: it is not in force yet.
        Err(VaultError::WrongKey { .. }) if recovery::next_path(&config.data_directory).exists() => {
            master_path = files::beside(&master_path, ".next");
        }
        Err(error) => return Err(error.into()),
    }
    if master_path.exists() && audit_path.exists() {
        return Err(RecoverError::Nothing(master_path, audit_path));
    }
    let mut report =
        RecoverReport { written: Vec::new(), kept: Vec::new(), fingerprint: master.fingerprint().to_string() };
    report.write(&master, master_path, &config.data_directory)?;
    report.write(&audit, audit_path, &config.data_directory)?;
    Ok(report)
}

impl RecoverReport {
    /// Writes a key where there is none, and gives it to whom the data directory belongs.
    fn write<K: KeyText>(&mut self, key: &K, path: PathBuf, data: &Path) -> Result<(), RecoverError> {
        if path.exists() {
            self.kept.push(path);
            return Ok(());
        }
        write_new(key, &path)?;
        let given = files::give_to_owner_of(&path, data);
        given.map_err(|source| RecoverError::File { path: path.clone(), source })?;
        self.written.push(path);
        Ok(())
    }
}

/// Opens whichever of the files this recovery key has sealed.
fn open(data: &Path, installation: &InstallationId, recovery: &RecoveryKey) -> Result<Recovered, RecoverError> {
    let mut expected = None;
    for path in [recovery::path(data), recovery::next_path(data)] {
        let sealed = match std::fs::read(&path) {
            Ok(bytes) => Sealed::from_bytes(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(RecoverError::File { path, source }),
        };
        match recovery::open(recovery, installation, &sealed) {
            Err(VaultError::WrongKey { expected: other, .. }) => expected = expected.or(Some(other)),
            opened => return Ok(opened?),
        }
    }
    let missing = || RecoverError::NoRecovery(recovery::path(data));
    Err(RecoverError::Wrong { expected: expected.ok_or_else(missing)?, found: recovery.fingerprint() })
}

/// Where a key is to be written.
fn place(
    directory: Option<&Path>,
    name: &str,
    setting: &'static str,
    source: &Source,
) -> Result<PathBuf, RecoverError> {
    match (directory, source) {
        (Some(directory), _) => Ok(directory.join(name)),
        (None, Source::File(path)) => Ok(path.clone()),
        (None, Source::Credential(_) | Source::Env(_)) => Err(RecoverError::NotAFile(setting)),
    }
}
