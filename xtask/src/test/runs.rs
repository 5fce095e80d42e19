//! The test stage: builds everything once, starts the servers that tests share, runs `cargo test` and sums it up.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::num::NonZero;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::servers::{self, Servers};
use super::sum::{Reader, Sum};
use crate::signals::Interrupted;
use crate::{process, workspace};

/// Builds, runs and counts. Tests that do not build are one failure.
///
/// # Errors
/// When cargo cannot be started or the shared servers do not start.
pub(super) fn run(long: bool, interrupted: &Interrupted) -> anyhow::Result<Sum> {
    // All targets at once: the programs that end-to-end tests start, with the same features as the tests beside them.
    let built = process::succeeds(workspace::cargo().args(["build", "--workspace", "--all-targets", "--quiet"]))?;
    if !built {
        println!("error: the tests do not build, so none was run");
        return Ok(Sum::failure());
    }
    interrupted.check()?;
    let testbed = workspace::target().join("debug/mayfly-testbed");
    let servers = Servers::start(Command::new(testbed)).context("cannot start the servers that tests share")?;
    interrupted.check()?;
    let mut command = workspace::cargo();
    command.env(servers::VARIABLE, servers.state_file());
    command.args(["test", "--workspace", "--no-fail-fast"]);
    command.env("CARGO_TERM_COLOR", "never");
    command.env("RUST_TEST_THREADS", threads().to_string());
    if long {
        command.env("MAYFLY_LONG", "1");
    }
    watched(command)
}

/// How many tests of one program run at once. They wait for servers and for each other's hosts most of their time, so there are
/// more of them than processors.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, NonZero::get).saturating_mul(2).max(4)
}

/// Runs the command with both its streams in one pipe, so that they stay in order. All of it goes to a file, all but
/// the lines of single tests that passed to our output, and every line into the sum.
fn watched(mut command: Command) -> anyhow::Result<Sum> {
    let path = workspace::target().join("test.log");
    let mut log = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let (read, write) = io::pipe().context("cannot make a pipe")?;
    command.stdin(Stdio::null()).stdout(write.try_clone()?).stderr(write);
    let mut child = command.spawn().context("cannot start cargo")?;
    // The command holds the writing ends; while they are open the pipe does not end.
    drop(command);
    let mut reader = Reader::default();
    for line in BufReader::new(read).split(b'\n') {
        let line = line.context("cannot read what the tests print")?;
        let line = String::from_utf8_lossy(&line);
        writeln!(log, "{line}")?;
        reader.line(&line);
        if worth_showing(&line) {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    println!("everything that was printed: {}", path.display());
    Ok(reader.finish(status.success()))
}

fn worth_showing(line: &str) -> bool {
    let passed = line.starts_with("test ") && line.ends_with(" ... ok");
    !passed && !line.is_empty() && !line.starts_with("running ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_passed_is_not_shown() {
        assert!(!worth_showing("test tests::it_works ... ok"));
        assert!(worth_showing("test tests::it_works ... FAILED"));
        assert!(worth_showing("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"));
    }
}
