//! Every file of a host that is not volatile: owner, mode, extended attributes, and content where people can write.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{lgetxattr, llistxattr};
use sha2::{Digest as _, Sha256};

use super::entry;

/// Where nothing is looked at, by prefix.
const SKIPPED: &[&str] = &[
    "/proc/",
    "/sys/",
    // Devices and terminals; shared memory and message queues are looked at.
    "/dev/",
    // What a host writes down is to stay.
    "/var/log/",
    // Written by every edit of the account databases.
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/subuid-",
    "/etc/subgid-",
    // A counter.
    "/var/spool/cron/atjobs/.SEQ",
    // Log-ins: who is logged in, and the message of the day that is made at each.
    "/run/utmp",
    "/run/motd.dynamic",
    // The state of systemd and its services. Units that are not of a package are looked at.
    "/run/systemd/",
    "/run/log/",
    "/run/credentials/",
    "/run/dbus/",
    "/run/host/",
    "/var/lib/systemd/timers/",
    "/var/lib/systemd/random-seed",
    "/tmp/systemd-private-",
    "/var/tmp/systemd-private-",
];

/// What is looked at all the same, below what is skipped.
const LOOKED_AT: &[&str] = &["/dev/shm", "/dev/mqueue", "/run/systemd/system", "/run/systemd/transient"];

/// And not there: the units in which logind keeps log-ins apart. Who is still logged in shows among the processes.
const LOG_INS: &[&str] = &["/run/systemd/transient/session-"];

/// Where the content counts. Elsewhere, in what packages brought, size and time tell of a change.
const CONTENT: &[&str] = &[
    "/etc/",
    "/home/",
    "/opt/",
    "/root",
    "/run/",
    "/srv/",
    "/tmp/",
    "/usr/local/",
    "/var/lib/",
    "/var/mail/",
    "/var/spool/",
    "/var/tmp/",
];

/// Content longer than this counts by size and time too.
const LONGEST: u64 = 1024 * 1024;

/// Reads the tree below `root`.
pub(super) fn read(root: &Path, administrators: &[u32], lines: &mut Vec<String>) -> Result<()> {
    Walk { administrators, lines }.directory(root, "")
}

/// Whether the path is, or is in, the runtime directory of an administrator, which is there while they are logged in.
pub(super) fn is_runtime_directory(path: &str, administrators: &[u32]) -> bool {
    let of =
        |uid: u32| path.strip_prefix("/run/user/").is_some_and(|rest| rest.split('/').next() == Some(&uid.to_string()));
    of(0) || administrators.iter().copied().any(of)
}

struct Walk<'a> {
    administrators: &'a [u32],
    lines: &'a mut Vec<String>,
}

impl Walk<'_> {
    /// Reads the directory at `real` and all below it; `shown` is its path on the host, and empty for the root.
    fn directory(&mut self, real: &Path, shown: &str) -> Result<()> {
        let Some(entries) = unless_gone(fs::read_dir(real), shown)? else { return Ok(()) };
        for found in entries {
            let found = found.with_context(|| format!("cannot read {shown} of the host"))?;
            let shown = format!("{shown}/{}", escaped(&found.file_name()));
            if self.is_skipped(&shown) {
                continue;
            }
            let Some(metadata) = unless_gone(found.metadata(), &shown)? else { continue };
            let described = describe(&found.path(), &shown, &metadata);
            self.lines.push(entry("file", &format!("{shown} {described}")));
            if metadata.is_dir() {
                self.directory(&found.path(), &shown)?;
            }
        }
        Ok(())
    }

    fn is_skipped(&self, path: &str) -> bool {
        let under = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
        is_runtime_directory(path, self.administrators) || (under(SKIPPED) && !under(LOOKED_AT)) || under(LOG_INS)
    }
}

/// What was found, or `None` when it has gone since it was listed.
fn unless_gone<T>(found: io::Result<T>, shown: &str) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot look at {shown} of the host")),
    }
}

/// A name as text that no other name has.
fn escaped(name: &OsStr) -> String {
    match name.to_str() {
        Some(text) => text.to_owned(),
        None => name.as_bytes().escape_ascii().to_string(),
    }
}

fn describe(real: &Path, shown: &str, metadata: &Metadata) -> String {
    let kind = metadata.file_type();
    let what = match () {
        () if kind.is_dir() => "directory".to_owned(),
        () if kind.is_symlink() => {
            let target = fs::read_link(real).map(|target| escaped(target.as_os_str()));
            format!("link to {}", target.unwrap_or_else(|error| error.to_string()))
        }
        () if kind.is_file() => content(real, shown, metadata),
        () if kind.is_socket() => "socket".to_owned(),
        () if kind.is_fifo() => "fifo".to_owned(),
        () => format!("device {:x}", metadata.rdev()),
    };
    // The permissions of a link mean nothing.
    let mode = if kind.is_symlink() { String::new() } else { format!(" mode {:o}", metadata.mode() & 0o7777) };
    format!("{what}{mode} owner {}:{}{}", metadata.uid(), metadata.gid(), attributes(real))
}

fn content(real: &Path, shown: &str, metadata: &Metadata) -> String {
    let counts = CONTENT.iter().any(|place| shown.starts_with(place));
    let is_account_database = super::ACCOUNTS.iter().any(|name| shown.strip_prefix("/etc/") == Some(name));
    if is_account_database {
        return "file".to_owned();
    }
    if !counts || metadata.len() > LONGEST {
        return format!("file of {} bytes at {}.{:09}", metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    }
    match fs::read(real) {
        Ok(bytes) => format!("file {}", hex(&Sha256::digest(bytes)[..8])),
        Err(error) => error.to_string(),
    }
}

/// Extended attributes, among them capabilities and access lists. A file system without any has none.
fn attributes(real: &Path) -> String {
    let mut names = Vec::with_capacity(1024);
    if llistxattr(real, rustix::buffer::spare_capacity(&mut names)).is_err() {
        return String::new();
    }
    let mut text = String::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = Vec::with_capacity(64 * 1024);
        let _ = lgetxattr(real, OsStr::from_bytes(name), rustix::buffer::spare_capacity(&mut value));
        text.push_str(&format!(" {}={}", String::from_utf8_lossy(name), hex(&value)));
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_directories_of_administrators_alone_are_known() {
        assert!(is_runtime_directory("/run/user/0", &[]));
        assert!(is_runtime_directory("/run/user/1000/bus", &[1000]));
        assert!(!is_runtime_directory("/run/user/1000", &[100]));
        assert!(!is_runtime_directory("/run/user", &[1000]));
    }

    #[test]
    fn a_tree_is_read_with_owners_modes_links_and_content() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let tmp = folder.path().join("tmp");
        let odd = tmp.join(OsStr::from_bytes(b"odd\xff"));
        fs::create_dir_all(&odd).unwrap();
        fs::write(odd.join("inner"), "x").unwrap();
        fs::write(tmp.join("run"), "x").unwrap();
        fs::set_permissions(tmp.join("run"), fs::Permissions::from_mode(0o4755)).unwrap();
        std::os::unix::fs::symlink("run", tmp.join("link")).unwrap();
        let read_all = || {
            let mut lines = Vec::new();
            read(folder.path(), &[], &mut lines).unwrap();
            lines
        };
        let before = read_all();
        // Only where content counts is there a digest.
        let starts = |start: &str| before.iter().any(|line| line.starts_with(start));
        assert!(starts("file | /tmp directory mode "), "{before:?}");
        assert!(starts("file | /tmp/link link to run owner "), "{before:?}");
        assert!(starts("file | /tmp/run file 2d711642b726b044 mode 4755 owner "), "{before:?}");
        assert!(starts("file | /tmp/odd\\xff/inner file 2d711642b726b044 mode "), "{before:?}");
        fs::write(tmp.join("run"), "y").unwrap();
        assert_ne!(read_all(), before);
    }
}
