//! Files that are replaced whole or not at all, and whose they are.

use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

/// A path beside another one, with this behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Writes a file of mode 0600 in the place of the one before, if there is one: whoever looks finds the one or the other. It
/// belongs to the owner of `like`, where this process may give it away.
///
/// # Errors
/// The system's.
pub(crate) fn replace(path: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
    let new = beside(path, ".new");
    // What an earlier run left half written is begun again.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    if let Some((uid, gid)) = other_owner(like)? {
        fchown(&file, Some(uid), Some(gid))?;
    }
    file.sync_all()?;
    rename(&new, path)
}

/// Renames a file and makes the names durable.
///
/// # Errors
/// The system's.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

/// Gives a file, or a directory with all that is in it, to the owner of `like`, where this process may. No link is followed.
///
/// # Errors
/// The system's.
pub(crate) fn give_to_owner_of(path: &Path, like: &Path) -> io::Result<()> {
    other_owner(like)?.map_or(Ok(()), |owner| hand_over(path, owner))
}

/// Gives a file, or a directory with all that is in it, to this user and group. No link is followed.
///
/// # Errors
/// The system's.
pub(crate) fn hand_over(path: &Path, (uid, gid): (u32, u32)) -> io::Result<()> {
    if std::fs::symlink_metadata(path)?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            hand_over(&entry?.path(), (uid, gid))?;
        }
    }
    lchown(path, Some(uid), Some(gid))
}

/// Whose a file is; `None` where it is ours already, or we are not root and could give nothing away.
fn other_owner(like: &Path) -> io::Result<Option<(u32, u32)>> {
    let (metadata, ours) = (std::fs::metadata(like)?, rustix::process::geteuid());
    let other = ours.is_root() && metadata.uid() != ours.as_raw();
    Ok(other.then_some((metadata.uid(), metadata.gid())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_also_after_a_run_that_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key-check");
        for text in ["first", "second"] {
            std::fs::write(beside(&path, ".new"), "half").unwrap();
            replace(&path, text.as_bytes(), folder.path()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
