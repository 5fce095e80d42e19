//! Which copy of the store this is, and whether it is the one that acts. A store knows the place where it is served; the place and
//! the epoch are also held in the directory of checkpoints. Where these do not agree, the store was copied, moved or put back,
//! and somebody has to say which copy lives on before this one changes anything.

use crate::database::{execute, one};
use crate::error::OpenError;
use crate::files;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Why a store may only be observed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The data directory is not where, or not the files, that were last served.
    #[error("the data directory is a copy, or was moved: it was served as {from}, and is {to} now")]
    Copied {
        /// The place that the store knows.
        from: String,
        /// Where it is.
        to: String,
    },
    /// The store was made from a backup.
    #[error("the store was restored from a backup of {made}")]
    Restored {
        /// When the backup was made.
        made: String,
    },
    /// Another copy of the store was activated after this one.
    #[error("another copy of this store was activated: epoch {outside} has begun there, this one is of epoch {own}")]
    Superseded {
        /// The epoch of this store.
        own: u64,
        /// The epoch that the directory of checkpoints knows.
        outside: u64,
    },
    /// Another server acts for this installation.
    #[error("another server acts for this installation: it holds the lock on {}", path.display())]
    Served {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The checkpoints outside know of entries that the store does not hold.
    #[error(
        "the store was rolled back or cut: it holds {entries} entries of the audit trail, and a checkpoint in {} says that \
         there were {checkpoint}",
        directory.display()
    )]
    RolledBack {
        /// How many entries the store holds.
        entries: u64,
        /// How many the checkpoint is of.
        checkpoint: u64,
        /// Where the checkpoints are.
        directory: PathBuf,
    },
    /// The store's trail is another than the one that was signed.
    #[error(
        "the store was rolled back or rewritten: its first {checkpoint} entries of the audit trail are not those that a \
         checkpoint in {} was made of",
        directory.display()
    )]
    Rewritten {
        /// How many entries the checkpoint is of.
        checkpoint: u64,
        /// Where the checkpoints are.
        directory: PathBuf,
    },
}

/// The epoch of a copy and the place where it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Counts from 1.
    pub(crate) epoch: u64,
    /// As [`place`] words it; `None` in a store from before there were places.
    pub(crate) place: Option<String>,
}

/// What a restored store has instead of a place.
const RESTORED: &str = "restored ";

/// The place of the store in `directory`: the machine, the directory, and the very file. A copy is another file, also where it
/// was put back in the old one's place, unless it was written over it.
pub(crate) fn place(directory: &Path) -> Result<String, OpenError> {
    let at = directory.canonicalize().map_err(OpenError::file(directory))?;
    let database = files::database(&at);
    let file = std::fs::metadata(&database).map_err(OpenError::file(&database))?;
    // Not every file system knows when a file was made.
    let born =
        file.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok()).map_or(0, |born| born.as_nanos());
    Ok(format!("{} on machine {}, file {}.{born}", at.display(), machine(), file.ino()))
}

/// What names this machine. machine-id(5) asks for its id not to be shown, so that it is a hash of it.
fn machine() -> String {
    let Ok(id) = std::fs::read_to_string("/etc/machine-id") else { return "unnamed".to_owned() };
    let hash = Sha256::new().chain_update("mayfly machine\n").chain_update(id.trim()).finalize();
    hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// What the store says of itself.
pub(crate) fn read(connection: &Connection) -> Result<Standing, OpenError> {
    let found = one(connection, include_str!("../sql/epoch-read.sql"), [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
    })?;
    let (epoch, place) = found.unwrap_or((1, None));
    let epoch = u64::try_from(epoch).map_err(|_| OpenError::Broken(format!("its epoch is {epoch}")))?;
    Ok(Standing { epoch, place })
}

/// Makes the store say it of itself.
pub(crate) fn write(connection: &Connection, standing: &Standing) -> rusqlite::Result<()> {
    let epoch = i64::try_from(standing.epoch).unwrap_or(i64::MAX);
    execute(connection, include_str!("../sql/epoch-write.sql"), params![epoch, standing.place]).map(drop)
}

/// Makes the store say that it was restored from a backup made at `made`.
pub(crate) fn mark_restored(connection: &Connection, made: &str) -> Result<(), OpenError> {
    let standing = Standing { place: Some(format!("{RESTORED}{made}")), ..read(connection)? };
    Ok(write(connection, &standing)?)
}

/// What speaks against this copy, as far as the places tell: `own` is what the store says, `outside` what the directory of
/// checkpoints says, `here` the place where the store is.
pub(crate) fn doubt(own: &Standing, outside: Option<&Standing>, here: &str) -> Option<Doubt> {
    if let Some(other) = outside {
        // The same epoch twice: both were activated where the other could not be seen. Only the one outside goes on.
        let overtaken = other.epoch > own.epoch || (other.epoch == own.epoch && other.place != own.place);
        if overtaken {
            return Some(moved(own, here).unwrap_or(Doubt::Superseded { own: own.epoch, outside: other.epoch }));
        }
    }
    moved(own, here)
}

fn moved(own: &Standing, here: &str) -> Option<Doubt> {
    let from = own.place.as_deref().filter(|place| *place != here)?;
    Some(match from.strip_prefix(RESTORED) {
        Some(made) => Doubt::Restored { made: made.to_owned() },
        None => Doubt::Copied { from: from.to_owned(), to: here.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(epoch: u64, place: &str) -> Standing {
        Standing { epoch, place: Some(place.to_owned()) }
    }

    #[test]
    fn only_the_copy_that_both_sides_know_acts() {
        let own = standing(2, "here");
        let doubted = |outside: Option<Standing>, here: &str| doubt(&own, outside.as_ref(), here);
        assert_eq!(doubted(None, "here"), None);
        assert_eq!(doubted(Some(own.clone()), "here"), None);
        // What is outside may be older: it is brought up to date.
        assert_eq!(doubted(Some(standing(1, "elsewhere")), "here"), None);
        assert_eq!(doubted(Some(standing(3, "here")), "here"), Some(Doubt::Superseded { own: 2, outside: 3 }));
        assert_eq!(doubted(Some(standing(2, "there")), "here"), Some(Doubt::Superseded { own: 2, outside: 2 }));
        assert!(matches!(doubted(Some(own.clone()), "there"), Some(Doubt::Copied { .. })));
        assert!(matches!(doubted(None, "there"), Some(Doubt::Copied { .. })));
        let restored = standing(2, "restored 2026-11-24T16:00:00Z");
        let made = "2026-11-24T16:00:00Z".to_owned();
        assert_eq!(doubt(&restored, None, "here"), Some(Doubt::Restored { made }));
        // From before there were places: it takes the one where it is, unless another has.
        let old = Standing { epoch: 1, place: None };
        assert_eq!(doubt(&old, None, "here"), None);
        assert_eq!(doubt(&old, Some(&standing(1, "here")), "here"), Some(Doubt::Superseded { own: 1, outside: 1 }));
    }

    #[test]
    fn a_copy_in_the_same_place_is_another_place() {
        let directory = tempfile::tempdir().unwrap();
        let database = files::database(directory.path());
        std::fs::write(&database, "a").unwrap();
        let before = place(directory.path()).unwrap();
        assert_eq!(place(directory.path()).unwrap(), before);
        std::fs::write(&database, "b").unwrap();
        assert_eq!(place(directory.path()).unwrap(), before, "a file is written over when it is in use");
        let aside = directory.path().join("aside");
        std::fs::copy(&database, &aside).unwrap();
        std::fs::rename(&aside, &database).unwrap();
        assert_ne!(place(directory.path()).unwrap(), before);
    }
}
