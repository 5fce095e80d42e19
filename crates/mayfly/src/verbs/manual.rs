//! `completions` and `man`: what a package installs beside the program, made of the command line itself.

use super::Context;
use crate::args::Mayfly;
use crate::failure::{Exit, Failure};
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_complete::env::Shells;
use std::path::Path;

/// Prints what makes a shell ask this program for completions: verbs, options, and names of the server.
///
/// # Errors
/// When they cannot be written.
pub(super) fn completions(context: &Context, shell: Shell) -> Result<Exit, Failure> {
    let unknown = || Failure::usage(format!("there are no completions for {shell}"));
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string()).ok_or_else(unknown)?;
    let mut script = Vec::new();
    completer
        .write_registration("COMPLETE", "mayfly", "mayfly", "mayfly", &mut script)
        .map_err(|error| Failure::unexpected(format!("cannot write completions for {shell}: {error}")))?;
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
