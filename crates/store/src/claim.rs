//! What the directory of checkpoints says of who acts for an installation: a lock that the acting server holds, and a file with the
//! epoch and the place of the copy that was activated last. Both are untrusted: they can only make a store be observed.

use crate::error::OpenError;
use crate::files;
use crate::outside::Outside;
use crate::standing::Standing;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// The file with the epoch.
const EPOCH: &str = "epoch";
/// The largest one that is read; a path is in it.
const EPOCH_MOST: u64 = 16 << 10;

impl Outside {
    /// Takes the lock on the directory; `None` when another server holds it.
    pub(crate) fn claim(&self) -> Result<Option<files::Lock>, OpenError> {
        match files::lock(self.directory()) {
            Ok(lock) => Ok(Some(lock)),
            Err(OpenError::Locked { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file that is locked.
    pub(crate) fn lock_path(&self) -> PathBuf {
        files::lock_path(self.directory())
    }

    fn epoch_path(&self) -> PathBuf {
        self.directory().join(EPOCH)
    }

    /// Which copy of the installation `origin` was activated last; `None` when nothing says so.
    pub(crate) fn standing(&self, origin: &str) -> Result<Option<Standing>, OpenError> {
        let path = self.epoch_path();
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(EPOCH_MOST).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(OpenError::File { path, source }),
        }
        let mut lines = text.lines();
        let of = lines.next().unwrap_or_default();
        if of != origin {
            let (directory, found) = (self.directory().to_owned(), of.chars().take(80).collect());
            return Err(OpenError::OtherInstallation { directory, found, own: origin.to_owned() });
        }
        let epoch = lines.next().and_then(|line| line.strip_prefix("epoch ")).and_then(|epoch| epoch.parse().ok());
        let place = lines.next().and_then(|line| line.strip_prefix("place ")).map(str::to_owned);
        match epoch {
            Some(epoch) => Ok(Some(Standing { epoch, place })),
            None => Err(OpenError::Epoch { path }),
        }
    }

    /// Says which copy was activated last, durably and as a whole or not at all.
    pub(crate) fn keep_standing(&self, origin: &str, standing: &Standing) -> Result<(), OpenError> {
        let (path, next) = (self.epoch_path(), self.directory().join("epoch.new"));
        let place = standing.place.as_deref().unwrap_or_default();
        let text = format!("{origin}\nepoch {}\nplace {place}\n", standing.epoch);
        let write = || -> io::Result<()> {
            // One that a crash has left is written anew.
            let mut file = files::append(&next)?;
            file.set_len(0)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&next, &path)?;
            files::sync_directory(self.directory())
        };
        write().map_err(OpenError::file(&path))
    }

    /// Puts the checkpoints of a history that this store does not share into a directory of their own, where nobody takes them for
    /// its own. They stay the proof of what was there.
    pub(crate) fn set_aside(&self, epoch: u64) -> Result<PathBuf, OpenError> {
        let aside = self.directory().join(format!("before-epoch-{epoch}"));
        files::make_directory(&aside).map_err(OpenError::file(&aside))?;
        for path in self.files()?.unwrap_or_default() {
            let name = path.file_name().unwrap_or_default();
            std::fs::rename(&path, aside.join(name)).map_err(OpenError::file(&path))?;
        }
        files::sync_directory(&aside).map_err(OpenError::file(&aside))?;
        files::sync_directory(self.directory()).map_err(OpenError::file(self.directory()))?;
        Ok(aside)
    }
}
