//! The directory of checkpoints outside the data directory: one file for each day, to which signed notes are appended and
//! brought to disk one by one. What is read back is untrusted: somebody else may have written it.

use crate::checkpoint::{self, Checkpoint};
use crate::error::OpenError;
use crate::files;
use mayfly_domain::WallTime;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const BEGIN: &str = "checkpoints-";
const END: &str = ".txt";

/// The largest file that is read: three times the notes of a day with one each second.
const FILE_MOST: u64 = 96 << 20;

/// The directory.
#[derive(Debug)]
pub(crate) struct Outside {
    directory: PathBuf,
}

impl Outside {
    /// Names the directory; nothing is read yet.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The files, oldest first; `None` when the directory is missing.
    pub(crate) fn files(&self) -> Result<Option<Vec<PathBuf>>, OpenError> {
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(OpenError::File { path: self.directory.clone(), source }),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(OpenError::file(&self.directory))?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(BEGIN) && name.ends_with(END)) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(Some(found))
    }

    /// Whether the directory is there.
    pub(crate) fn exists(&self) -> Result<bool, OpenError> {
        Ok(self.files()?.is_some())
    }

    /// The largest checkpoint of the newest file that holds any; `None` when there is none.
    pub(crate) fn last(&self) -> Result<Option<Checkpoint>, OpenError> {
        for path in self.files()?.unwrap_or_default().into_iter().rev() {
            let text = read(&path)?;
            let (notes, _) = checkpoint::split(&text);
            let largest = notes.into_iter().filter_map(Checkpoint::parse).max_by_key(|checkpoint| checkpoint.size);
            if largest.is_some() {
                return Ok(largest);
            }
        }
        Ok(None)
    }

    /// Cuts off a note that a crash left unfinished at the end of the newest file. It was never counted as written.
    pub(crate) fn mend(&self) -> Result<(), OpenError> {
        let Some(path) = self.files()?.and_then(|mut files| files.pop()) else { return Ok(()) };
        let text = read(&path)?;
        let (_, whole) = checkpoint::split(&text);
        if whole < text.len() {
            tracing::warn!(file = %path.display(), "A checkpoint was left unfinished by a crash and is cut off");
            let cut = || -> io::Result<()> {
                let file = files::append(&path)?;
                file.set_len(u64::try_from(whole).map_err(io::Error::other)?)?;
                file.sync_all()
            };
            cut().map_err(OpenError::file(&path))?;
        }
        Ok(())
    }

    /// Appends a note made at `at` and brings it to disk. On an error nothing of it stays behind.
    pub(crate) fn append(&self, at: WallTime, note: &str) -> io::Result<()> {
        let text = at.to_string();
        // A clock beyond the calendar has no day; what it signed still has to go somewhere.
        let day = text.split_once('T').map_or("9999-12-31", |(day, _)| day);
        let mut file = files::append(&self.directory.join(format!("{BEGIN}{day}{END}")))?;
        let before = file.metadata()?.len();
        let written = file.write_all(format!("{note}\n").as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            file.set_len(before)?;
            return Err(error);
        }
        if before == 0 {
            files::sync_directory(&self.directory)?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, OpenError> {
    let read = || -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_MOST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MOST {
            return Err(io::Error::other("the file is larger than a day's checkpoints can be"));
        }
        // The em dash of a torn signature line may itself be torn.
        let valid = std::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), |text| text.len());
        if bytes.len() - valid > 3 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file does not hold text"));
        }
        bytes.truncate(valid);
        String::from_utf8(bytes).map_err(io::Error::other)
    };
    read().map_err(OpenError::file(path))
}
