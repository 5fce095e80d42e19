//! Why a store is not opened, and why one entry is not written.

use mayfly_engine::ports::ledger::LedgerError;
use std::path::PathBuf;

/// Why a store was not opened or made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory of the store cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the store open.
    #[error("another server has this store open: it holds the lock on {}", path.display())]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
    /// There is no store.
    #[error("there is no store at {}: `mayfly server init` makes one", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// There is a store already.
    #[error("there is a store at {} already", path.display())]
    Exists {
        /// The file that is there.
        path: PathBuf,
    },
    /// The file is a SQLite database, but not one of Mayfly's.
    #[error("{} is not a store of Mayfly's: its application id is {found:#x}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The application id that it carries.
        found: i32,
    },
    /// The store was written by a newer version.
    #[error(
        "the store has schema version {found}, written by mayfly {program}; this program knows versions up to {known}: use that version \
         again, or go back to the store as it was before, which is kept in {}; see docs/drills/upgrade-and-downgrade.md",
        kept.display()
    )]
    Newer {
        /// The version of the store.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
        /// The version of the program that wrote it.
        program: String,
        /// Where the store of before the change is.
        kept: PathBuf,
    },
    /// SQLite says no.
    #[error("the store cannot be read or written: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The store's own parts do not agree with one another.
    #[error("the store does not add up: {0}; verify it with `mayfly audit verify` and restore a backup")]
    Broken(String),
    /// What the directory of checkpoints says of the copy that acts cannot be read.
    #[error("{} does not say which copy of the store acts; move it away, and the store in use writes it anew", path.display())]
    Epoch {
        /// The file.
        path: PathBuf,
    },
    /// The checkpoints belong to another installation.
    #[error("the checkpoints in {} are of {found}, this store is of {own}: give each installation a directory", directory.display())]
    OtherInstallation {
        /// Where the checkpoints are.
        directory: PathBuf,
        /// Their origin.
        found: String,
        /// The store's.
        own: String,
    },
    /// The directory of checkpoints is gone.
    #[error(
        "the directory of checkpoints {} is missing, and with it the proof that this store was not rolled back: mount it, or, \
         if it is lost, make an empty directory there",
        directory.display()
    )]
    CheckpointsMissing {
        /// Where they were looked for.
        directory: PathBuf,
    },
    /// The name of the signing key cannot stand in a signed note.
    #[error("a signing key cannot be named {0:?}: white space and + have a meaning in a signed note")]
    KeyName(String),
}

impl OpenError {
    /// For `map_err`: the file that an I/O error is about.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// Why an entry, or a read, stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The entry expected something else; it alone is rolled back.
    #[error("{0}")]
    Expectation(String),
    /// The entry decided that nothing of it is to be written; what it answers says why.
    #[error("nothing was written")]
    Undone,
    /// SQLite says no.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// The batch that the entry was in was not written.
    #[error("{0}")]
    Unavailable(String),
}

impl Stop {
    /// An expectation that did not hold.
    pub(crate) fn expected<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::Expectation(text.into()))
    }

    /// Whether the rest of the batch can still be written: only this entry was at fault, and nothing of the transaction
    /// is lost.
    pub(crate) fn is_of_one_entry(&self) -> bool {
        match self {
            Self::Expectation(_) | Self::Undone => true,
            Self::Sql(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation),
            Self::Unavailable(_) => false,
        }
    }
}

impl From<Stop> for LedgerError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Expectation(text) => Self::Expectation(text),
            Stop::Sql(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                Self::Expectation(error.to_string())
            }
            Stop::Sql(error) => Self::Unavailable(error.to_string()),
            Stop::Unavailable(text) => Self::Unavailable(text),
            Stop::Undone => Self::Unavailable(stop.to_string()),
        }
    }
}
