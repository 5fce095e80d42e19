//! Backups: everything of the data directory, as one archive, sealed by the installation's key, which is not in it. The archive begins
//! with a description of itself, then come the store and the small files beside it.

use crate::entropy::OsEntropy;
use mayfly_store::{Contents, OpenError};
use mayfly_vault::{Vault, VaultError};
use mayfly_wire::status::BackupAbout;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Builder, EntryType, Header};

/// The description, the first file of an archive.
const ABOUT: &str = "about.json";
/// The largest description, and the largest of the small files, that is read.
const SMALL_MOST: u64 = 1 << 20;
/// The store.
const STORE: &str = "mayfly.db";
/// The copy of the store that is being packed.
const SNAPSHOT: &str = "backup.partial";

/// Why there is no backup, or none was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The file is no backup, or is sealed by another key.
    #[error(transparent)]
    Sealed(#[from] VaultError),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// What is in the backup cannot be.
    #[error("the backup cannot be used: {0}")]
    Broken(String),
}

impl BackupError {
    /// For `map_err`: the file that an I/O error is about.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// A copy of the store that waits to be packed. Its file has no name any more and goes with this.
pub(crate) struct Snapshot {
    /// What is in it.
    pub(crate) contents: Contents,
    file: File,
}

/// Copies the store in the data directory while a server may write to it. One at a time.
///
/// # Errors
/// [`BackupError`].
pub(crate) fn snapshot(data: &Path) -> Result<Snapshot, BackupError> {
    let path = data.join(SNAPSHOT);
    // One that a crash has left.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(BackupError::File { path, source: error });
    }
    let made = mayfly_store::snapshot(data, &path);
    let file = File::open(&path).map_err(BackupError::file(&path));
    drop(std::fs::remove_file(&path));
    Ok(Snapshot { contents: made?, file: file? })
}

/// Whether a file of the data directory is packed as it is: all but the store, which is packed as a copy of one moment, copies of it,
/// and what is only of a running server.
fn is_packed(name: &str) -> bool {
    !(name.starts_with(STORE) || name.starts_with("before-schema-") || name == "lock" || name.ends_with(".partial"))
}

/// Packs and seals a copy of the store and the files beside it into `to`.
///
/// # Errors
/// [`BackupError`]; what was written then is not taken for a backup.
pub(crate) fn pack(
    data: &Path,
    snapshot: Snapshot,
    about: &BackupAbout,
    vault: &Vault,
    to: impl Write,
) -> Result<(), BackupError> {
    let written = || BackupError::file("the backup");
    let sealing = vault.seal_stream(to, &mut OsEntropy).map_err(written())?;
    let mut archive = Builder::new(sealing);
    let text = serde_json::to_vec(about).map_err(|error| BackupError::Broken(error.to_string()))?;
    put(&mut archive, ABOUT, text.len() as u64, 0o600, text.as_slice()).map_err(written())?;
    let length = snapshot.file.metadata().map_err(written())?.len();
    put(&mut archive, STORE, length, 0o600, snapshot.file).map_err(written())?;
    for entry in std::fs::read_dir(data).map_err(BackupError::file(data))? {
        let entry = entry.map_err(BackupError::file(data))?;
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str().filter(|name| is_packed(name)) else { continue };
        let metadata = entry.metadata().map_err(BackupError::file(&path))?;
        if !metadata.is_file() {
            continue;
        }
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(SMALL_MOST + 1).read_to_end(&mut bytes));
        read.map_err(BackupError::file(&path))?;
        if bytes.len() as u64 > SMALL_MOST {
            return Err(BackupError::Broken(format!("{} does not belong into the data directory", path.display())));
        }
        let mode = metadata.permissions().mode() & 0o777;
        put(&mut archive, name, bytes.len() as u64, mode, bytes.as_slice()).map_err(written())?;
    }
    archive.into_inner().and_then(|sealing| sealing.finish()).map(drop).map_err(written())
}

fn put(archive: &mut Builder<impl Write>, name: &str, size: u64, mode: u32, from: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    archive.append_data(&mut header, name, from)
}

/// Unpacks a backup into the data directory, which is empty. Nothing of it is left there when it fails.
///
/// # Errors
/// [`BackupError`].
pub(crate) fn unpack(from: impl Read, vault: &Vault, data: &Path) -> Result<BackupAbout, BackupError> {
    let mut made = Vec::new();
    let unpacked = unpack_into(from, vault, data, &mut made);
    if unpacked.is_err() {
        for path in made {
            drop(std::fs::remove_file(path));
        }
    }
    unpacked
}

fn unpack_into(
    from: impl Read,
    vault: &Vault,
    data: &Path,
    made: &mut Vec<PathBuf>,
) -> Result<BackupAbout, BackupError> {
    let broken = |error: io::Error| BackupError::Broken(error.to_string());
    let mut archive = Archive::new(vault.open_stream(from)?);
    let mut about = None;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = plain_name(&entry.path().map_err(broken)?)?;
        if about.is_none() {
            if name != ABOUT {
                return Err(BackupError::Broken(format!("it begins with {name}")));
            }
            let mut text = Vec::new();
            entry.by_ref().take(SMALL_MOST).read_to_end(&mut text).map_err(broken)?;
            let read = serde_json::from_slice::<BackupAbout>(&text);
            about = Some(read.map_err(|error| BackupError::Broken(error.to_string()))?);
            continue;
        }
        let path = data.join(&name);
        let mode = entry.header().mode().map_err(broken)? & 0o777;
        let mut file =
            File::options().write(true).create_new(true).mode(mode).open(&path).map_err(BackupError::file(&path))?;
        made.push(path.clone());
        let copied = io::copy(&mut entry, &mut file).and_then(|_| file.sync_all());
        copied.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => broken(error),
            _ => BackupError::File { path, source: error },
        })?;
    }
    // The archive has its own end; only that of the sealed stream says that nothing was cut off or added.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    about
        .filter(|_| made.iter().any(|path| path.ends_with(STORE)))
        .ok_or_else(|| BackupError::Broken("no store is in it".to_owned()))
}

/// A name without any folder.
fn plain_name(path: &Path) -> Result<String, BackupError> {
    let mut components = path.components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) => {
            name.to_str().map(str::to_owned).ok_or_else(|| BackupError::Broken("a name is no text".to_owned()))
        }
        _ => Err(BackupError::Broken(format!("{} leads elsewhere", path.display()))),
    }
}
