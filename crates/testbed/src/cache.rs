//! Where things that are fetched or built once are kept: PostgreSQL's programs, the base roots of hosts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The cache directory, which may not exist yet: `target/testbed` of the workspace, or what the environment variable
/// `MAYFLY_TESTBED_CACHE` names.
fn directory() -> PathBuf {
    match std::env::var_os("MAYFLY_TESTBED_CACHE") {
        Some(directory) => PathBuf::from(directory),
        None => {
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/testbed");
            // As root the server runs as somebody else, who cannot reach a checkout in a closed folder. Only root writes
            // to the other place, so that nobody can put a program there for root to start.
            if rustix::process::geteuid().is_root() && !open_to_all(Path::new(env!("CARGO_MANIFEST_DIR"))) {
                PathBuf::from("/var/cache/mayfly-testbed")
            } else {
                own
            }
        }
    }
}

/// Whether everybody may pass through a folder and all folders above it.
fn open_to_all(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    folder.ancestors().all(|one| fs::metadata(one).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}

/// The cached thing `name`, made by `make` when it is not there yet. `make` works in an empty directory and returns
/// the path below it that is to be kept. Processes that want the same at the same time wait for the one that makes it.
///
/// # Errors
/// When the cache cannot be written or `make` fails; then nothing is kept.
pub(crate) fn get(name: &str, make: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<PathBuf> {
    let cache = directory();
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let cache = cache.canonicalize().context("cannot resolve the cache directory")?;
    let home = cache.join(name);
    if home.exists() {
        return Ok(home);
    }
    // One lock for everything: what is made takes the machine's processors anyway.
    let lock = File::create(cache.join("lock")).context("cannot make the cache's lock file")?;
    lock.lock().context("cannot lock the cache")?;
    if home.exists() {
        return Ok(home);
    }
    // What a killed process left half done is in directories of other names, so `home` is whole whenever it exists.
    let work = tempfile::tempdir_in(&cache).context("cannot make a directory in the cache")?;
    let made = make(work.path())?;
    fs::rename(&made, &home).with_context(|| format!("cannot move {} to {}", made.display(), home.display()))?;
    Ok(home)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_closed_folder_closes_all_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(open_to_all(&below));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!open_to_all(&below));
    }
}
