//! Everything on a host that a session could leave behind, as sorted text, so that "nothing was left" can be said of the
//! whole host: take a snapshot before and one after, and [`Snapshot::diff`] them.
//!
//! All of it is read from outside, through the kernel, so that a host whose tools were replaced cannot hide anything.
//! Left out is what a host changes by itself or by being administrated: logs, the state of log-ins in progress, and
//! what administrators run (root and the accounts of [`super::Host::create_admin`]), known by the user that they
//! logged in as.

mod files;
mod processes;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Host;
use crate::{command, snapshot};

/// The account databases, compared line by line. Their backups (`passwd-` and so on) are left out: every edit writes them.
const ACCOUNTS: &[&str] = &["passwd", "group", "shadow", "gshadow", "subuid", "subgid"];

/// What was on a host at one moment: one line an entry, sorted, each `kind | content`.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(String);

impl Snapshot {
    /// What differs: a line that is only in this one after `- `, one only in `after` after `+ `. Empty when they are
    /// equal.
    #[must_use]
    pub fn diff(&self, after: &Self) -> String {
        snapshot::diff(&self.0, &after.0)
    }

    /// The entries.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot of {} entries", self.0.lines().count())
    }
}

impl Host {
    /// Reads everything: accounts, every file with its owner, mode, attributes and content or size and time, processes,
    /// mounts, what listens, System V and POSIX IPC. Meant for a moment at which nobody changes the host.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let root = self.root();
        let administrators = self.administrators.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut lines = Vec::new();
        for name in ACCOUNTS {
            let path = root.join("etc").join(name);
            let content = fs::read(&path).with_context(|| format!("cannot read /etc/{name} of the host"))?;
            lines.extend(String::from_utf8_lossy(&content).lines().map(|line| entry(name, line)));
        }
        files::read(&root, &administrators, &mut lines)?;
        processes::read(&root, &administrators, &mut lines)?;
        mounts(self.pid(), &administrators, &mut lines)?;
        listening(self.pid(), &mut lines)?;
        ipc(self.pid(), &mut lines)?;
        lines.sort_unstable();
        Ok(Snapshot(lines.join("\n")))
    }
}

/// One line. What would break it or a terminal is escaped.
fn entry(kind: &str, content: &str) -> String {
    let mut line = format!("{kind} | ");
    for c in content.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

fn mounts(pid: u32, administrators: &[u32], lines: &mut Vec<String>) -> Result<()> {
    let table = fs::read_to_string(format!("/proc/{pid}/mounts")).context("cannot read the host's mounts")?;
    for line in table.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(place), Some(kind)) = (fields.next(), fields.next()) else { continue };
        // systemd mounts one for each service that has credentials, while it starts; a user's runtime directory is
        // there for as long as they are logged in.
        if !place.starts_with("/run/credentials/") && !files::is_runtime_directory(place, administrators) {
            lines.push(entry("mount", &format!("{place} {kind}")));
        }
    }
    Ok(())
}

/// What accepts connections, from the tables of proc_net_tcp(5) in the kernel's documentation.
fn listening(pid: u32, lines: &mut Vec<String>) -> Result<()> {
    // In UDP's tables 07 is the state of a socket that is bound.
    for (table, state) in [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")] {
        let path = format!("/proc/{pid}/net/{table}");
        // A kernel without IPv6 has no such table.
        if !Path::new(&path).exists() {
            continue;
        }
        let content = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        for line in content.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, now, _, _, _, uid, ..] = fields[..] else { continue };
            let port = local.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
            if let (true, Some(port)) = (now == state, port) {
                lines.push(entry("listens", &format!("{table} port {port} uid {uid}")));
            }
        }
    }
    Ok(())
}

/// System V shared memory, semaphores and message queues (sysvipc(7)). POSIX queues are files in `/dev/mqueue`.
fn ipc(pid: u32, lines: &mut Vec<String>) -> Result<()> {
    for kind in ["shm", "sem", "msg"] {
        // The table is that of the reader's namespace.
        let mut read = Command::new("nsenter");
        read.arg(format!("--target={pid}")).args(["--ipc", "--", "cat", &format!("/proc/sysvipc/{kind}")]);
        let table = command::output(&read, Duration::from_secs(10)).context("cannot read the host's IPC")?;
        let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
        let titles = rows.next().unwrap_or_default();
        for row in rows {
            let field = |title| titles.iter().position(|t| *t == title).and_then(|at| row.get(at)).unwrap_or(&"?");
            let content = ["key", "perms", "uid", "gid"].map(|title| format!("{title} {}", field(title))).join(" ");
            lines.push(entry("ipc", &format!("{kind} {content}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line() {
        assert_eq!(entry("file", "/tmp/a\nb\u{1b}[2J é"), "file | /tmp/a\\nb\\u{1b}[2J é");
    }

    #[test]
    fn a_difference_names_what_came_and_what_went() {
        let before = Snapshot("file | /a\npasswd | x".to_owned());
        let after = Snapshot("file | /a\nfile | /b".to_owned());
        assert_eq!(before.diff(&after), "+ file | /b\n- passwd | x\n");
        assert_eq!(before.diff(&before), "");
    }
}
