//! Files that are kept for the person between two runs: what clients need to believe the server, because every client wants it
//! as a file.

use crate::failure::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What RFC 3986 §2.3 leaves unreserved needs no escape.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes what a client needs to believe the server to the user's data folder
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>), under the name and port at which the client finds it. Returns the path.
///
/// # Errors
/// When there is no such folder, or the file cannot be written.
pub(super) fn keep(host: &str, port: u16, suffix: &str, text: &str) -> Result<String, Failure> {
    let path = file(host, port, suffix).ok_or_else(|| {
        Failure::usage("there is no home folder to keep the server's certificate in: set HOME or XDG_DATA_HOME")
    })?;
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
        return Ok(path.display().to_string());
    }
    let failed = |error: std::io::Error| {
        Failure::unexpected(format!("cannot keep what is needed of the server in {}: {error}", path.display()))
    };
    write_whole(&path, text).map_err(failed)?;
    Ok(path.display().to_string())
}

/// Where that is kept; `None` where there is no such folder.
pub(super) fn file(host: &str, port: u16, suffix: &str) -> Option<PathBuf> {
    let name = format!("{}_{port}.{suffix}", utf8_percent_encode(host, RESERVED));
    Some(data_folder()?.join("mayfly").join(name))
}

fn data_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
}

/// Puts a file in place at once, so that a client that reads it meanwhile sees the old one or the new one.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}
