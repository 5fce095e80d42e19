//! Where the installation's key is kept: a file, a credential that systemd hands over, or the environment. A command is not
//! among them, since this crate spawns nothing: the caller runs it and gives the text to [`InstallationKey::parse`].

use crate::key::{KeyText, KeyTextError};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest text that is read; a key is far shorter.
const TEXT_MOST: u64 = 4096;

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A regular file of ours that nobody else may read or write.
    File(PathBuf),
    /// A credential of this name from systemd's `LoadCredential=` or `LoadCredentialEncrypted=`
    /// (<https://systemd.io/CREDENTIALS/>), found below `$CREDENTIALS_DIRECTORY`.
    SystemdCredential(String),
    /// An environment variable of this name. Other processes of the same user can read it: a file is better.
    Environment(String),
}

/// Why the key could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be opened, read or written.
    #[error("cannot use the key file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is a directory, a device or the like.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Others than its owner may read or write it.
    #[error("the key file {} has mode {mode:04o}: others must not have access to it; run `chmod 600 {}`", path.display(), path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("the key file {} belongs to uid {owner}, but this process runs as uid {ours}: run `chown {ours} {}`", path.display(), path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        ours: u32,
    },
    /// The environment does not have the variable, or it is not text.
    #[error("the environment variable {name} is not set")]
    NotSet {
        /// The variable.
        name: String,
    },
    /// The name of a credential has characters of a path.
    #[error("{name:?} is not a name of a systemd credential")]
    CredentialName {
        /// The name.
        name: String,
    },
    /// What was found is not a key.
    #[error("{origin}: {source}")]
    Text {
        /// Where it was found.
        origin: String,
        /// What is wrong.
        source: KeyTextError,
    },
}

impl KeySource {
    /// Reads the key. `environment` gives the value of a variable; pass `&|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// [`SourceError`] that names what was found and what to do. No key is ever made here.
    pub fn load<K: KeyText>(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<K, SourceError> {
        match self {
            Self::File(path) => read(path, Demand::OursAlone),
            Self::SystemdCredential(name) => {
                if name.is_empty() || name.starts_with('.') || name.contains('/') {
                    return Err(SourceError::CredentialName { name: name.clone() });
                }
                let folder = variable(environment, "CREDENTIALS_DIRECTORY")?;
                read(&Path::new(folder.as_str()).join(name), Demand::RegularFile)
            }
            Self::Environment(name) => {
                let text = variable(environment, name)?;
                K::parse(&text)
                    .map_err(|source| SourceError::Text { origin: format!("environment variable {name}"), source })
            }
        }
    }
}

/// Writes a key to a new file of mode 0600 and makes it durable. An existing file is never touched.
///
/// # Errors
/// [`SourceError::File`] when the file exists or cannot be written.
pub fn write_new<K: KeyText>(key: &K, path: &Path) -> Result<(), SourceError> {
    let failed = |source| SourceError::File { path: path.to_owned(), source };
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(key.to_text().expose().as_bytes()).map_err(failed)?;
    file.write_all(b"\n").map_err(failed)?;
    file.sync_all().map_err(failed)?;
    // The name is durable only once its folder is.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// What is demanded of a file before it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Ours, and closed to everybody else.
    OursAlone,
    /// A regular file. systemd guards its credentials by the folder and by access lists whose mask shows in the mode.
    RegularFile,
}

fn variable(environment: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<Zeroizing<String>, SourceError> {
    environment(name).map(Zeroizing::new).ok_or_else(|| SourceError::NotSet { name: name.to_owned() })
}

/// Opens first and looks at what was opened, so that the file cannot be exchanged in between.
fn read<K: KeyText>(path: &Path, demand: Demand) -> Result<K, SourceError> {
    let failed = |source| SourceError::File { path: path.to_owned(), source };
    // Without NONBLOCK a named pipe would hold the start for ever.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?);
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(SourceError::NotAFile { path: path.to_owned() });
    }
    if demand == Demand::OursAlone {
        let ours = rustix::process::geteuid().as_raw();
        if metadata.uid() != ours {
            return Err(SourceError::Owner { path: path.to_owned(), owner: metadata.uid(), ours });
        }
        if metadata.mode() & 0o177 != 0 {
            return Err(SourceError::Mode { path: path.to_owned(), mode: metadata.mode() & 0o7777 });
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(TEXT_MOST).read_to_string(&mut text).map_err(failed)?;
    K::parse(&text).map_err(|source| SourceError::Text { origin: path.display().to_string(), source })
}
