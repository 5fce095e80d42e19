//! The watchdog process that ends a server and removes its directory when the process that started it is gone.
//!
//! A parent-death signal would not do: Linux sends it when the *thread* that started the child ends, and test threads
//! end; it reaches no grandchild; and it leaves the directory behind.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command;

/// How long the watchdog may take before it is given up: it kills after 2.5 s and stops waiting after 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running watchdog. Dropping it ends the processes in its directory and removes the directory.
#[derive(Debug)]
pub(crate) struct Watchdog {
    process: Child,
    directory: PathBuf,
}

impl Watchdog {
    /// Starts the watchdog of `directory`, whose processes are asked to end with `signal` (a name as in kill(1)).
    pub(crate) fn start(directory: &Path, signal: &str) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let process = Command::new("sh")
            .args(["-c", include_str!("watchdog.sh"), "mayfly-watchdog"])
            .arg(directory)
            .arg(signal)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own, so that an interrupt typed at the terminal does not end it before its work.
            .process_group(0)
            .spawn()
            .context("cannot start the watchdog")?;
        Ok(Self { process, directory: directory.to_owned() })
    }

    /// Ends the processes in the directory and removes it; returns when that is done.
    pub(crate) fn end(&mut self) {
        drop(self.process.stdin.take());
        wait(&mut self.process, PATIENCE);
    }

    /// The directory that it watches.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for a child to end, until the deadline; `true` when it has ended and is reaped.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> bool {
    until(patience, || matches!(child.try_wait(), Ok(Some(_)) | Err(_)))
}

/// Asks again and again until `done` says yes (then `true`) or `patience` has run out.
pub(crate) fn until(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The ids of the processes whose working directory is `directory` or lies in it.
pub(crate) fn processes_in(directory: &Path) -> Result<Vec<u32>> {
    let mut find = Command::new("find");
    find.args(["/proc", "-mindepth", "2", "-maxdepth", "2", "-path", "/proc/[0-9]*", "-name", "cwd"]);
    find.args(["-printf", "%h %l\\n"]);
    // `find` ends with 1 when processes vanished while it looked, so its status says nothing.
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\" 2> /dev/null || :", "sh"]).arg(find.get_program()).args(find.get_args());
    let listed = command::output(&shell, Duration::from_secs(10))?;
    let pids = listed.lines().filter_map(|line| {
        let (process, cwd) = line.split_once(' ')?;
        Path::new(cwd).starts_with(directory).then(|| process.strip_prefix("/proc/")?.parse().ok()).flatten()
    });
    Ok(pids.collect())
}
