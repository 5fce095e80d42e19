//! `mayfly server rotate-key`: exchanges the installation's key. The record keys of all secrets are sealed by the new key, batch by
//! batch, and only then the store is told that it needs the new one; no secret is opened. Cut short at any point it goes on where
//! it was, and a server that is started in between knows both keys.

use crate::clock::OsClock;
use crate::commands::Confirm;
use crate::config::{Config, Source};
use crate::entropy::OsEntropy;
use crate::keys::{self, Signer};
use crate::wire_up::{StartError, key_check_path, open_store, read_key_check};
use crate::{authority, bound, files, recovery, ssh_authority, user_authority};
use mayfly_access::store::{KeyRotation, KeyRotations, Resealed, SealedSecret, Secrets, StoreError};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{InstallationId, RunId};
use mayfly_engine::ports::clock::Clock;
use mayfly_store::Store;
use mayfly_vault::{
    AuditKey, InstallationKey, KeySource, RecoveryKey, Sealed, Slot, SourceError, Vault, VaultError, write_new,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many secrets are sealed anew in one transaction.
const BATCH: usize = 32;

/// What the key is exchanged with.
#[derive(Debug, Clone)]
pub struct RotateOptions {
    /// The settings file.
    pub config: PathBuf,
    /// Where the new key is written, where the settings do not take the key from a file.
    pub new_key: Option<PathBuf>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotateReport {
    /// The name of the key before.
    pub from: String,
    /// The name of the key in force.
    pub to: String,
    /// The file with the new key.
    pub key: PathBuf,
    /// Whether the settings take the key from there already.
    pub in_place: bool,
}

/// Why the key was not exchanged, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The settings, a key or the store cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store, once open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A key cannot be read or written.
    #[error(transparent)]
    Key(#[from] SourceError),
    /// Nobody has the recovery key.
    #[error("{0}")]
    NotConfirmed(String),
    /// The settings take the key from elsewhere than a file.
    #[error(
        "`keys.master` does not name a file: say with --new-key where to write the new key, and give it to where it is read from"
    )]
    NotAFile,
    /// The exchange that was cut short is one for another key.
    #[error("an exchange for the key {0} was cut short, and its new key is not here: name its file with --new-key")]
    Another(String),
    /// This copy of the store may not be the one that lives on.
    #[error("this copy of the store only observes: {0}; start the server, and see `mayfly server activate`")]
    Observing(String),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

/// Exchanges the installation's key, or goes on with an exchange that was cut short. `confirm` shows the new recovery key to
/// whoever keeps it; `progress` is told how many secrets of how many are sealed by the new key.
///
/// # Errors
/// [`RotateError`]. Whatever was done by then stays and is gone on with when this is asked for again.
pub async fn rotate(
    options: &RotateOptions,
    confirm: &mut Confirm<'_>,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Result<RotateReport, RotateError> {
    let config = Config::read(&options.config).map_err(StartError::from)?;
    let new_key = options.new_key.clone().or_else(|| keys::next_key_path(&config.keys));
    let new_key = new_key.ok_or(RotateError::NotAFile)?;
    let installation = mayfly_store::installation(&config.data_directory).map_err(StartError::from)?;
    let audit = || keys::audit_key(&config.keys).map_err(StartError::from);
    let clock = Arc::new(OsClock::default());
    // Whoever has the store open has it alone: no secret is set meanwhile, and no server seals by the key before.
    let store = open_store(&config, clock.clone(), Signer::new(&installation, audit()?)).await?;
    if let Some(doubt) = store.doubts().first() {
        return Err(RotateError::Observing(doubt.to_string()));
    }
    let vault = both_keys(&config, &installation, &new_key, &audit()?, confirm)?;
    let exchange = Exchange { config, installation, vault, store, clock, run: RunId::random(&mut OsEntropy) };
    exchange.begin().await?;
    exchange.reseal_secrets(progress).await?;
    exchange.reseal_files()?;
    let in_place = exchange.finish(&new_key).await?;
    let Exchange { config, vault, store, .. } = exchange;
    // Closing writes the last checkpoint and waits for threads.
    drop(tokio::task::spawn_blocking(move || store.close()).await);
    // Whatever was made anew by root belongs to whom the server runs as.
    for made in [&config.data_directory, &config.audit.checkpoints] {
        files::give_to_owner_of(made, &config.data_directory).map_err(file(made))?;
    }
    let from = vault.other_fingerprint().map(|key| key.to_string()).unwrap_or_default();
    let key = match &config.keys.master {
        Source::File(path) if in_place => path.clone(),
        _ => new_key,
    };
    Ok(RotateReport { from, to: vault.fingerprint().to_string(), key, in_place })
}

fn file(path: &Path) -> impl Fn(std::io::Error) -> RotateError {
    let path = path.to_owned();
    move |source| RotateError::File { path: path.clone(), source }
}

/// The new key, made where there is none yet, and the one before. A new recovery key comes with it, since the one before opens
/// only the key before.
fn both_keys(
    config: &Config,
    installation: &InstallationId,
    new_key: &Path,
    audit: &AuditKey,
    confirm: &mut Confirm<'_>,
) -> Result<Vault, RotateError> {
    let data = &config.data_directory;
    let check = read_key_check(data)?;
    let old = keys::installation_key(&config.keys)?;
    let known = new_key.exists();
    let new = if known {
        KeySource::File(new_key.to_owned()).load(&|_| None)?
    } else {
        check.verify(installation, &old)?;
        InstallationKey::generate(&mut OsEntropy)
    };
    let in_force = check.expected()? == new.fingerprint();
    check.verify(installation, if in_force { &new } else { &old })?;
    let recoverable = known && recovery::next_path(data).exists();
    if !in_force && !recoverable {
        let recovery = RecoveryKey::generate(&mut OsEntropy);
        confirm(&recovery).map_err(RotateError::NotConfirmed)?;
        if !known {
            write_new(&new, new_key)?;
            files::give_to_owner_of(new_key, data).map_err(file(new_key))?;
        }
        let sealed = recovery::seal(&recovery, installation, &new, audit, &mut OsEntropy)?;
        let path = recovery::next_path(data);
        files::replace(&path, sealed.as_bytes(), data).map_err(file(&path))?;
    }
    Ok(Vault::new(new).also_opening(old))
}

/// An exchange that is under way.
struct Exchange {
    config: Config,
    installation: InstallationId,
    vault: Vault,
    store: Arc<Store>,
    clock: Arc<OsClock>,
    run: RunId,
}

impl Exchange {
    fn event(&self, kind: EventKind) -> Event {
        let actor = format!("uid:{}", rustix::process::getuid().as_raw());
        let event = Event::new(kind, self.clock.wall(), self.run.clone(), actor);
        let from = self.vault.other_fingerprint().map(|key| key.to_string()).unwrap_or_default();
        event.with("from", from).with("to", self.vault.fingerprint())
    }

    /// Writes down that the exchange begins, unless the store needs the new key already.
    async fn begin(&self) -> Result<(), RotateError> {
        let to = self.vault.fingerprint();
        if let Some(known) = self.store.rotation().await? {
            return if known.to == to.to_string() { Ok(()) } else { Err(RotateError::Another(known.to)) };
        }
        if read_key_check(&self.config.data_directory)?.expected()? == to {
            return Ok(());
        }
        let from = self.vault.other_fingerprint().map(|key| key.to_string()).unwrap_or_default();
        let rotation = KeyRotation { from, to: to.to_string(), cursor: None, begun: self.clock.wall() };
        self.store.begin(rotation, vec![self.event(EventKind::KeyRotationStarted)]).await?;
        Ok(())
    }

    /// Seals what is behind the cursor anew, and then whatever else a server that knew both keys has sealed by the one before.
    async fn reseal_secrets(&self, progress: &mut (dyn FnMut(usize, usize) + Send)) -> Result<(), RotateError> {
        let cursor = self.store.rotation().await?.and_then(|rotation| rotation.cursor);
        let all = Secrets::all(&*self.store).await?;
        let behind = all.partition_point(|secret| cursor.as_ref().is_some_and(|cursor| secret.user <= *cursor));
        let (before, rest) = all.split_at(behind);
        let mut done = before.len();
        for batch in rest.chunks(BATCH) {
            self.store.reseal(self.anew(batch)?, batch.last().map(|secret| secret.user.clone())).await?;
            done += batch.len();
            progress(done, all.len());
        }
        let left = self.anew(before)?;
        if !left.is_empty() {
            self.store.reseal(left, all.last().map(|secret| secret.user.clone())).await?;
        }
        Ok(())
    }

    /// What of these is not sealed by the new key yet, sealed by it.
    fn anew(&self, secrets: &[SealedSecret]) -> Result<Vec<Resealed>, VaultError> {
        let mut resealed = Vec::with_capacity(secrets.len());
        for secret in secrets {
            let before = Sealed::from_bytes(secret.sealed.clone());
            if let Some(after) = self.vault.reseal(&bound::place_of(&secret.user), &before, &mut OsEntropy)? {
                let (user, before, after) = (secret.user.clone(), before.into_bytes(), after.into_bytes());
                resealed.push(Resealed { user, before, after });
            }
        }
        Ok(resealed)
    }

    /// The same for what lies sealed in files of the data directory.
    fn reseal_files(&self) -> Result<(), RotateError> {
        let data = &self.config.data_directory;
        let sealed: [Vec<(PathBuf, Slot<'_>)>; 3] =
            [authority::sealed_files(data), ssh_authority::sealed_files(data), user_authority::sealed_files(data)];
        for (path, slot) in sealed.into_iter().flatten() {
            let before = Sealed::from_bytes(std::fs::read(&path).map_err(file(&path))?);
            if let Some(after) = self.vault.reseal(&slot, &before, &mut OsEntropy)? {
                files::replace(&path, after.as_bytes(), &path).map_err(file(&path))?;
            }
        }
        Ok(())
    }

    /// Nothing needs the key before any more: from here on only the new one opens the store, and it takes the other's place.
    /// Answers whether it has.
    async fn finish(&self, new_key: &Path) -> Result<bool, RotateError> {
        let data = &self.config.data_directory;
        let path = key_check_path(data);
        if read_key_check(data)?.expected()? != self.vault.fingerprint() {
            let check = self.vault.key_check(&self.installation, &mut OsEntropy)?;
            files::replace(&path, check.as_bytes(), data).map_err(file(&path))?;
        }
        let (next, recovery) = (recovery::next_path(data), recovery::path(data));
        if next.exists() {
            files::rename(&next, &recovery).map_err(file(&next))?;
        }
        self.store.end(vec![self.event(EventKind::KeyRotated)]).await?;
        match &self.config.keys.master {
            Source::File(path) if Some(new_key) == keys::next_key_path(&self.config.keys).as_deref() => {
                files::rename(new_key, path).map_err(file(new_key))?;
                Ok(true)
            }
            source => {
                let given: InstallationKey = source.key_source().load(&|name| std::env::var(name).ok())?;
                Ok(given.fingerprint() == self.vault.fingerprint())
            }
        }
    }
}
