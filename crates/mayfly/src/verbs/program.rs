//! Running a person's own client program: found in PATH, its signals passed on, its exit code passed through.

use crate::failure::{Exit, Failure};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The program of that name in the first folder of PATH that has one. `packages` are the commands that install it.
///
/// # Errors
/// When there is none; `instead` says what can be done without it.
pub(super) fn find(name: &str, instead: &str, packages: &[&str]) -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        let missing = Failure::own(
            Exit::Wrapper,
            format!(
                "{name} is not installed, or not in PATH: install it, or let {instead} print what another client needs"
            ),
        );
        packages.iter().fold(missing, |failure, command| failure.hint(*command))
    })
}

/// A command that runs a program, which is to be started by [`run`].
#[expect(clippy::disallowed_methods, reason = "the command line client runs the person's own clients")]
pub(super) fn command(program: PathBuf) -> Command {
    Command::new(program)
}

/// Runs the command to its end while `beside` goes on, and returns its exit code; 128 and the signal's number when a signal
/// ended it, as shells do.
///
/// # Errors
/// When it cannot be run.
pub(super) async fn run(name: &str, mut command: Command, beside: impl Future<Output = ()>) -> Result<u8, Failure> {
    let mut signals = Signals::new()?;
    let child = command.spawn();
    let mut child = child.map_err(|error| Failure::unexpected(format!("cannot run {name}: {error}")))?;
    let ended = signals.pass_on_until_end(&mut child);
    tokio::pin!(ended, beside);
    let status = tokio::select! {
        status = &mut ended => status,
        () = beside => ended.await,
    };
    status.map(|status| code(&status)).map_err(|error| Failure::unexpected(format!("cannot wait for {name}: {error}")))
}

/// The program's exit code as ours.
fn code(status: &ExitStatus) -> u8 {
    let of_signal = || status.signal().map(|signal| 128_i32.saturating_add(signal));
    status.code().or_else(of_signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Wrapper.code())
}

/// Signals that are the program's to handle. The terminal sends an interrupt to both of us: the program does what it does then,
/// we stay, since there are files to remove.
struct Signals {
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    hang_up: Signal,
    child: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let take = |kind| signal(kind).map_err(|error| Failure::unexpected(format!("cannot handle signals: {error}")));
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            quit: take(SignalKind::quit())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: take(SignalKind::hangup())?,
            child: take(SignalKind::child())?,
        })
    }

    /// Waits for the child; what was sent to us alone is passed on, and we stop when it stops, or a shell would not notice
    /// (`~^Z` of ssh stops ssh alone).
    async fn pass_on_until_end(&mut self, child: &mut Child) -> std::io::Result<ExitStatus> {
        loop {
            let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
            let signal = tokio::select! {
                status = child.wait() => return status,
                _ = self.interrupt.recv() => continue,
                _ = self.quit.recv() => continue,
                _ = self.terminate.recv() => rustix::process::Signal::TERM,
                _ = self.hang_up.recv() => rustix::process::Signal::HUP,
                _ = self.child.recv() => {
                    if id.is_some_and(stopped) {
                        // Whoever goes on with us goes on with the whole group.
                        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
                    }
                    continue;
                }
            };
            if let Some(id) = id {
                // A child that is gone already is what was wanted.
                let _ = rustix::process::kill_process(id, signal);
            }
        }
    }
}

/// Whether a child has stopped since this was last asked.
fn stopped(child: rustix::process::Pid) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    matches!(waitid(WaitId::Pid(child), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_status_passes_through() {
        assert_eq!(code(&ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(&ExitStatus::from_raw(0)), 0);
        assert_eq!(code(&ExitStatus::from_raw(9)), 137);
    }
}
