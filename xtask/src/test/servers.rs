//! The servers that all tests of a run share.
//!
//! The testbed's own program starts them and holds them for as long as its standard input is open. It is a program and
//! not a library here, because `cargo xtask` alone would build the libraries that it uses a second time, with fewer
//! features than all crates together ask for.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context as _;

/// The environment variable in which tests find the state file.
pub(super) const VARIABLE: &str = "MAYFLY_TESTBED";

/// Running servers. They end when this is dropped, and by themselves when we are killed.
pub(super) struct Servers {
    holder: Child,
    /// Open for as long as the servers are to run.
    input: Option<ChildStdin>,
    state_file: PathBuf,
}

impl Servers {
    /// Starts the program and waits until it says that the servers are ready.
    ///
    /// # Errors
    /// When it cannot be started, or ends without a word; what it prints on standard error is seen as it comes.
    pub(super) fn start(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own: Ctrl-C ends the tests first, and then we end the servers.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut holder = command.spawn().context("cannot start the testbed")?;
        let input = holder.stdin.take();
        let output = holder.stdout.take().context("the testbed has no output")?;
        let mut servers = Self { holder, input, state_file: PathBuf::new() };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).context("cannot read what the testbed prints")?;
        anyhow::ensure!(line.ends_with('\n'), "the testbed ended before its servers were ready");
        servers.state_file = PathBuf::from(line.trim_end());
        Ok(servers)
    }

    /// The file in which tests find the servers.
    pub(super) fn state_file(&self) -> &Path {
        &self.state_file
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.holder.wait() {
            eprintln!("error: cannot wait for the testbed's end: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn they_run_until_they_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let text = format!("echo /the/state.json; cat > /dev/null; touch {}", gone.display());
        let servers = Servers::start(shell(&text)).unwrap();
        assert_eq!(servers.state_file(), Path::new("/the/state.json"));
        assert!(!gone.exists());
        drop(servers);
        assert!(gone.exists());
    }

    #[test]
    fn servers_that_do_not_start_are_an_error() {
        assert!(Servers::start(shell("exit 1")).is_err());
        assert!(Servers::start(Command::new("no-such-program-here")).is_err());
    }
}
