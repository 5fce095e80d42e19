//! The sign-ins that are kept between two runs: a file for each server, for this user alone, in the folder for the state of programs
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>), and beside them which one was signed in to last. A file that
//! somebody else could have put there, or could read, is not used.

use crate::failure::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::fs::OFlags;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes: some certificates fit.
const FILE_MOST: u64 = 256 * 1024;
/// What stands in the name of a file as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// A sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    /// The server's URL.
    pub(crate) server: String,
    /// Certificates to believe there, as PEM, instead of those that this machine believes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_pem: Option<String>,
    /// Who has signed in.
    pub(crate) person: String,
    /// The token.
    pub(crate) secret: String,
    /// Its id.
    pub(crate) id: String,
    /// When the server refuses it from.
    pub(crate) expires_at: String,
}

/// Which server was signed in to last.
#[derive(Serialize, Deserialize)]
struct Current {
    server: String,
}

/// The sign-in that is kept for a server, good or not.
///
/// # Errors
/// When there is a file and it is not safe to use, or not what we write.
pub(crate) fn of(server: &str) -> Result<Option<SignedIn>, Failure> {
    match folder() {
        Some(folder) => read(&folder, &file_of(server)),
        None => Ok(None),
    }
}

/// The sign-in at the server that was signed in to last.
///
/// # Errors
/// As [`of`].
pub(crate) fn current() -> Result<Option<SignedIn>, Failure> {
    let Some(folder) = folder() else { return Ok(None) };
    let Some(Current { server }) = read(&folder, CURRENT)? else { return Ok(None) };
    read(&folder, &file_of(&server))
}

/// Keeps a sign-in in place of the one before at the same server.
///
/// # Errors
/// When there is no folder for it, or it cannot be written.
pub(crate) fn keep(signed_in: &SignedIn) -> Result<(), Failure> {
    let folder = folder()
        .ok_or_else(|| Failure::usage("there is no home folder to keep the sign-in in: set HOME or XDG_STATE_HOME"))?;
    let failed = |error: std::io::Error| {
        Failure::unexpected(format!("cannot keep the sign-in in {}: {error}", folder.display()))
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    check_folder(&folder)?;
    write(&folder, &file_of(&signed_in.server), signed_in).map_err(failed)?;
    write(&folder, CURRENT, &Current { server: signed_in.server.clone() }).map_err(failed)
}

/// Forgets the sign-in at a server.
///
/// # Errors
/// When the file cannot be removed.
pub(crate) fn forget(server: &str) -> Result<(), Failure> {
    let Some(folder) = folder() else { return Ok(()) };
    let is_current = read::<Current>(&folder, CURRENT)?.is_some_and(|current| current.server == server);
    let files = [Some(file_of(server)), is_current.then(|| CURRENT.to_owned())];
    for path in files.into_iter().flatten().map(|file| folder.join(file)) {
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::unexpected(format!("cannot remove {}: {error}", path.display()))),
        }
    }
    Ok(())
}

/// The file that names the server that was signed in to last.
const CURRENT: &str = "current.json";

fn file_of(server: &str) -> String {
    format!("sign-in-{}.json", utf8_percent_encode(server, RESERVED))
}

fn folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("mayfly"))
}

/// What a file there holds; `None` when there is none.
fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, Failure> {
    let path = folder.join(name);
    let shown = path.display();
    // Never through a link, and never waiting for the other end of a pipe.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(unsafe_file(&path, "it is a symbolic link"));
        }
        Err(error) => return Err(Failure::unexpected(format!("cannot read {shown}: {error}"))),
    };
    check_folder(folder)?;
    let text = contents(&path, file)?;
    let foreign = |error| Failure::unexpected(format!("{shown} is not a sign-in as this version keeps it: {error}"));
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| foreign(error).hint(format!("rm {shown}")).hint("mayfly login"))
}

/// Reads a file that is open, if nobody else could have written or read it.
fn contents(path: &Path, file: File) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::unexpected(format!("cannot read {}: {error}", path.display()));
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(unsafe_file(path, "it is no ordinary file"));
    }
    check(path, &found, 0o077)?;
    let mut text = String::new();
    file.take(FILE_MOST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn check_folder(folder: &Path) -> Result<(), Failure> {
    let found = std::fs::symlink_metadata(folder);
    let found = found.map_err(|error| Failure::unexpected(format!("cannot look at {}: {error}", folder.display())))?;
    if !found.is_dir() {
        return Err(unsafe_file(folder, "it is no folder, or a symbolic link to one"));
    }
    check(folder, &found, 0o022)
}

/// Refuses what belongs to somebody else, or gives others one of these rights.
fn check(path: &Path, found: &Metadata, forbidden: u32) -> Result<(), Failure> {
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(unsafe_file(path, &format!("it belongs to the user with the id {}", found.uid())));
    }
    match found.mode() & 0o777 {
        mode if mode & forbidden != 0 => {
            Err(unsafe_file(path, &format!("its mode is {mode:04o}: others have rights to it")))
        }
        _ => Ok(()),
    }
}

fn unsafe_file(path: &Path, why: &str) -> Failure {
    let shown = path.display();
    Failure::usage(format!(
        "{shown} is not used, since {why}: a sign-in is kept where its owner alone can read and write it"
    ))
    .hint(format!("rm {shown}"))
    .hint("mayfly login")
}

/// Puts a file in place at once, readable for this user alone.
fn write<T: Serialize>(folder: &Path, name: &str, value: &T) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.persist(folder.join(name)).map(|_| ()).map_err(|error| error.error)
}
