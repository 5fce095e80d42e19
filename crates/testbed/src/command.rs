//! Running a program with a deadline, and as which account of the system a server runs.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// The account a server runs as.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// `None`: as oneself.
    other: Option<(u32, u32)>,
}

impl Account {
    /// Oneself; as root, `postgres` if it exists, else `nobody`, because PostgreSQL refuses to run as root.
    pub(crate) fn unprivileged() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let ids = ["postgres", "nobody"].iter().find_map(|name| find_ids(&passwd, name));
        ensure!(ids.is_some(), "neither an account `postgres` nor `nobody` exists, and servers refuse to run as root");
        Ok(Self { other: ids })
    }

    /// A command that runs `program` as this account, in `directory` (which is how the watchdog finds its processes).
    pub(crate) fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = match self.other {
            None => Command::new(program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg("--");
                command.arg(program);
                command
            }
        };
        command.current_dir(directory).stdin(Stdio::null());
        command
    }

    /// Makes this account the owner of `path`.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        let Some((uid, gid)) = self.other else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(uid), Some(gid))
            .with_context(|| format!("cannot change the owner of {}", path.display()))
    }

    /// Makes this account the owner of `path` and everything in it.
    pub(crate) fn give_all(&self, path: &Path) -> Result<()> {
        let Some((uid, gid)) = self.other else { return Ok(()) };
        let mut chown = Command::new("chown");
        chown.arg("--recursive").arg(format!("{uid}:{gid}")).arg(path);
        output(&chown, Duration::from_secs(60)).map(drop)
    }

    /// Writes a file that only this account (and root) can read.
    pub(crate) fn write_private(&self, path: &Path, content: &str) -> Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(content.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        self.give(path)
    }
}

fn find_ids(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Runs `command` to its end and returns what it wrote to standard output.
///
/// # Errors
/// When it cannot be started, fails (with what it wrote to standard error), or is not done at the deadline: then
/// coreutils' `timeout` has killed it.
pub(crate) fn output(command: &Command, deadline: Duration) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut limited = Command::new("timeout");
    limited.args(["--signal=KILL", &deadline.as_secs().max(1).to_string()]);
    limited.arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    for (key, value) in command.get_envs() {
        limited.env(key, value.unwrap_or(OsStr::new("")));
    }
    let done = limited.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
    if !done.status.success() {
        let stderr = String::from_utf8_lossy(&done.stderr);
        bail!("{name} failed ({}): {}", done.status, stderr.trim());
    }
    String::from_utf8(done.stdout).with_context(|| format!("{name} wrote what is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_numeric_ids_of_an_account() {
        let passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n";
        assert_eq!(find_ids(passwd, "nobody"), Some((65534, 65533)));
        assert_eq!(find_ids(passwd, "nobod"), None);
    }

    #[test]
    fn output_reports_failures_with_their_text() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo why >&2; exit 3"]);
        let text = output(&command, Duration::from_secs(10)).unwrap_err().to_string();
        assert!(text.contains("why"), "{text}");
    }

    #[test]
    fn output_ends_at_the_deadline() {
        let mut command = Command::new("sleep");
        command.arg("600");
        assert!(output(&command, Duration::from_secs(1)).is_err());
    }
}
