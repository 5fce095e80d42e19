//! `cargo xtask demo`: installs what a first look needs, builds, and runs the demo program.

use crate::signals::Interrupted;
use crate::{packages, process, workspace};

/// The system packages that the demo needs.
const PACKAGES: &[&str] = &["postgresql-15", "postgresql-client-15", "util-linux"];

/// Runs the demo until it ends by itself or by Ctrl-C.
///
/// # Errors
/// When something cannot be installed or started; the program says what.
pub(crate) fn run() -> anyhow::Result<bool> {
    let interrupted = Interrupted::watch()?;
    println!("The demo needs PostgreSQL 15 (server and client); nothing that runs on this machine is touched.");
    packages::install_only(PACKAGES, &interrupted)?;
    println!("Building; the first time takes a few minutes.");
    let build = ["build", "--package", "mayfly", "--package", "mayfly-e2e", "--bins"];
    anyhow::ensure!(process::succeeds(workspace::cargo().args(build))?, "the build failed");
    interrupted.check()?;
    let run = ["run", "--quiet", "--package", "mayfly-e2e", "--bin", "demo"];
    process::succeeds(workspace::cargo().args(run))
}
