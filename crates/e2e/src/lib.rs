//! Drives the real `mayfly` binary as people do: makes an installation in a throw-away directory, starts and kills the
//! server, runs the command line and real database clients against it. Development only.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development crate starts processes, waits by the machine's clock and prints what it does"
)]

pub mod bundle;
pub mod certificate;
pub mod client;
pub mod exercised;
pub mod installation;
pub mod machine;
pub mod memory;
pub mod mysql_world;
pub mod objects;
pub mod prompt;
pub mod recorder;
pub mod target;
pub mod terminal;
pub mod wait;
pub mod world;

pub use installation::{Installation, Server};
pub use machine::MachineWorld;
pub use mysql_world::MysqlWorld;
pub use prompt::Prompt;
pub use recorder::Recorder;
pub use target::Target;
pub use world::World;

/// Copies a directory with all that is in it, keeping modes, as `cp -a` does.
///
/// # Errors
/// When something cannot be read or written.
pub fn copy(from: &std::path::Path, to: &std::path::Path) -> anyhow::Result<()> {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    anyhow::ensure!(status.success(), "cp -a {} {} ended with {status}", from.display(), to.display());
    Ok(())
}
