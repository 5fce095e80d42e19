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

/// A directory that is locked until this is dropped; the kernel lets go of it when the process dies.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Lets go by itself: closing the file is not enough while a program that is just being started holds a copy of it, as every
    /// child does between `fork` and `exec` (flock(2)).
    fn drop(&mut self) {
        // An error leaves what closing the file does.
        drop(self.0.unlock());
    }
}

/// Takes the lock on the store in `directory`.
pub(crate) fn lock(directory: &Path) -> Result<Lock, OpenError> {
    let path = lock_path(directory);
    let file = append(&path).map_err(OpenError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

/// The file that is locked.
pub(crate) fn lock_path(directory: &Path) -> PathBuf {
    directory.join("lock")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

    use super::*;

    #[test]
    fn a_lock_that_is_let_go_of_is_free_whoever_holds_a_copy_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let held = lock(directory.path()).unwrap();
        // What a child has between `fork` and `exec`.
        let copy = held.0.try_clone().unwrap();
        assert!(matches!(lock(directory.path()), Err(OpenError::Locked { .. })));
        drop(held);
        lock(directory.path()).unwrap();
        drop(copy);
    }
}
