//! `completions` and `man`: what a package installs beside the program, made of the command line itself.

use super::Context;
use crate::args::Mayfly;
use crate::failure::{Exit, Failure};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::path::Path;

/// Prints the completions for a shell.
///
/// # Errors
/// When they cannot be written.
pub(super) fn completions(context: &Context, shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Mayfly::command(), "mayfly", &mut script);
    context.output.write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Writes `mayfly.1` and a page for each verb into a folder.
///
/// # Errors
/// When a page cannot be written.
pub(super) fn pages(directory: &Path) -> Result<Exit, Failure> {
    let made = clap_mangen::generate_to(Mayfly::command(), directory);
    made.map_err(|error| Failure::usage(format!("cannot write man pages into {}: {error}", directory.display())))?;
    Ok(Exit::Done)
}
