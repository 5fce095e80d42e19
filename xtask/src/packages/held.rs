//! Files of the system that are other for as long as packages are installed, and are put back byte for byte after,
//! also when installing fails or is interrupted.
//!
//! Only SIGKILL or a power cut leaves one behind. What we write is recognisable, so the next run puts it back then.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Debian's hook that is asked before a service is started, stopped or restarted; 101 forbids it.
const POLICY: &str =
    "#!/bin/sh\n# Written by Mayfly's cargo xtask while it installs packages; it removes this file.\nexit 101\n";

/// Keeps postgresql-common from making and starting a cluster when a server package is first configured.
const NO_CLUSTER: &str = "\n# Written by Mayfly's cargo xtask while it installs packages; it removes these lines.\ncreate_main_cluster = false\n";

/// A file that was made or changed; dropping this puts it back.
pub(super) struct Held {
    path: PathBuf,
    /// What was there before, `None` for no file.
    before: Option<Vec<u8>>,
}

impl Held {
    /// Forbids every start of a service through the policy hook at `path`. `None` when an administrator's hook stands
    /// there already: it decides, as it does for every other installation on this machine.
    ///
    /// # Errors
    /// When the hook cannot be read or written.
    pub(super) fn services(path: &Path) -> anyhow::Result<Option<Self>> {
        match read(path)? {
            Some(hook) if hook != POLICY.as_bytes() => Ok(None),
            _ => {
                let held = Self { path: path.to_owned(), before: None };
                // Made elsewhere first: a hook that is not yet executable or whole would let services start.
                let made = path.with_extension("mayfly-new");
                fs::write(&made, POLICY).with_context(|| format!("cannot write {}", made.display()))?;
                fs::set_permissions(&made, fs::Permissions::from_mode(0o755))?;
                fs::rename(&made, path).with_context(|| format!("cannot write {}", path.display()))?;
                Ok(Some(held))
            }
        }
    }

    /// Appends to postgresql-common's settings at `path` that no default cluster is made. The last value counts there.
    ///
    /// # Errors
    /// When the settings cannot be read or written; a missing file is an error, since postgresql-common brings it.
    pub(super) fn clusters(path: &Path) -> anyhow::Result<Self> {
        let found = read(path)?.with_context(|| format!("{} is missing", path.display()))?;
        let before = found.strip_suffix(NO_CLUSTER.as_bytes()).unwrap_or(&found).to_vec();
        let held = Self { path: path.to_owned(), before: Some(before.clone()) };
        write_over(path, &[&before, NO_CLUSTER.as_bytes()].concat())?;
        Ok(held)
    }

    fn put_back(&self) -> io::Result<()> {
        match &self.before {
            None => fs::remove_file(&self.path),
            Some(before) => write_over(&self.path, before),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.put_back() {
            eprintln!("error: cannot put back {}: {error}", self.path.display());
        }
    }
}

/// Replaces the file in one step, with the owner and mode that it has.
fn write_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let now = fs::metadata(path)?;
    let made = path.with_extension("mayfly-new");
    fs::write(&made, bytes)?;
    fs::set_permissions(&made, now.permissions())?;
    chown(&made, Some(now.uid()), Some(now.gid()))?;
    fs::rename(&made, path)
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_stands_only_meanwhile_and_forbids() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        let held = Held::services(&path).unwrap();
        let status = std::process::Command::new("sh").arg(&path).args(["x", "start"]).status().unwrap();
        assert_eq!(status.code(), Some(101));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        drop(held);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_hook_of_somebody_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        assert!(Held::services(&path).unwrap().is_none());
        assert_eq!(fs::read_to_string(&path).unwrap(), "#!/bin/sh\nexit 0\n");
    }

    #[test]
    fn a_hook_that_a_killed_run_left_is_taken_over_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        fs::write(&path, POLICY).unwrap();
        drop(Held::services(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn the_settings_are_put_back_byte_for_byte_with_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("createcluster.conf");
        let original = b"create_main_cluster = true\n\xff no newline";
        fs::write(&path, original).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let held = Held::clusters(&path).unwrap();
        assert!(fs::read(&path).unwrap().ends_with(b"\ncreate_main_cluster = false\n"));
        drop(held);
        assert_eq!(fs::read(&path).unwrap(), original);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn settings_that_a_killed_run_left_are_put_back_as_they_were_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("createcluster.conf");
        fs::write(&path, format!("ssl = on\n{NO_CLUSTER}")).unwrap();
        drop(Held::clusters(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "ssl = on\n");
    }

    #[test]
    fn missing_settings_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Held::clusters(&folder.path().join("createcluster.conf")).is_err());
    }
}
