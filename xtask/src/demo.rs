//! `cargo xtask demo`: installs what a first look needs, builds, and runs the demo program.

use crate::signals::Interrupted;
use crate::{packages, process, workspace};

/// The system packages that the demo needs.
const PACKAGES: &[&str] = &["postgresql-15", "postgresql-client-15", "util-linux"];
/// What it needs beside these to make a Linux host, which only root can.
const HOST_PACKAGES: &[&str] = &["mmdebstrap", "iproute2", "mount", "openssh-client"];

/// Runs the demo until it ends by itself or by Ctrl-C.
///
/// # Errors
/// When something cannot be installed or started; the program says what.
pub(crate) fn run() -> anyhow::Result<bool> {
    let interrupted = Interrupted::watch()?;
    println!("The demo needs PostgreSQL 15 (server and client); nothing that runs on this machine is touched.");
    packages::install_only(PACKAGES, &interrupted)?;
    if packages::is_root()? {
        println!("For a Linux host of its own it needs mmdebstrap and the tools that make network namespaces.");
        packages::install_only(HOST_PACKAGES, &interrupted)?;
    }
    println!("Building; the first time takes a few minutes.");
    let build = ["build", "--package", "mayfly", "--package", "mayfly-e2e", "--bins"];
    anyhow::ensure!(process::succeeds(workspace::cargo().args(build))?, "the build failed");
    interrupted.check()?;
    let run = ["run", "--quiet", "--package", "mayfly-e2e", "--bin", "demo"];
    process::succeeds(workspace::cargo().args(run))
}
