//! The files of a store: who may read them, and the lock that keeps a second server out.

use crate::error::OpenError;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The SQLite file of the store in `directory`.
pub(crate) fn database(directory: &Path) -> PathBuf {
    directory.join("mayfly.db")
}

/// Makes a directory, and those above it, for us alone. One that exists is left as it is.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

/// Closes the data directory and the database's files to everybody else, whatever the umask or a copy made of them.
pub(crate) fn restrict(directory: &Path) -> Result<(), OpenError> {
    let set = |path: PathBuf, mode| match std::fs::set_permissions(&path, Permissions::from_mode(mode)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::File { path, source: error }),
        _ => Ok(()),
    };
    set(directory.to_owned(), DIRECTORY_MODE)?;
    for name in ["mayfly.db", "mayfly.db-wal", "mayfly.db-shm"] {
        set(directory.join(name), FILE_MODE)?;
    }
    Ok(())
}

/// Makes an empty file that only we can read. SQLite gives its side files the mode of the database.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(path).map(drop)
}

/// Makes an empty file that only we can read and that does not exist yet.
pub(crate) fn make_new_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path).map(drop)
}

/// Opens a file for appending that only we can read; makes it if need be.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Takes the lock on the store in `directory`. It is held until the file is dropped, and the kernel lets go of it when the
/// process dies.
pub(crate) fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = lock_path(directory);
    let file = append(&path).map_err(OpenError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

/// The file that is locked.
pub(crate) fn lock_path(directory: &Path) -> PathBuf {
    directory.join("lock")
}
