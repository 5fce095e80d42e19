//! `cargo xtask bench`: builds with optimisation and prints one table of ratios from one run.

use crate::signals::Interrupted;
use crate::{packages, process, workspace};

/// The system packages that the benchmark needs.
const PACKAGES: &[&str] =
    &["postgresql-15", "postgresql-client-15", "pgbouncer", "mariadb-server-core", "mariadb-client-core", "util-linux"];
/// What it needs beside these to make a Linux host, which only root can.
const HOST_PACKAGES: &[&str] = &["mmdebstrap", "iproute2", "mount", "openssh-client"];

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds: about five minutes instead of about forty.
    #[arg(long)]
    quick: bool,
    /// What to measure, instead of everything: launches, selects, ends, expiries, crowd, memory, lingering, store, engine, ssh
    only: Vec<String>,
}

/// Runs the benchmark; `docs/benchmarks.md` says what its rows mean.
///
/// # Errors
/// When something cannot be installed, built or started.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let interrupted = Interrupted::watch()?;
    packages::install_only(PACKAGES, &interrupted)?;
    if packages::is_root()? {
        packages::install_only(HOST_PACKAGES, &interrupted)?;
    }
    println!("Building with optimisation; the first time takes several minutes.");
    let build = ["build", "--release", "--package", "mayfly", "--package", "mayfly-e2e", "--bins"];
    anyhow::ensure!(process::succeeds(workspace::cargo().args(build))?, "the build failed");
    interrupted.check()?;
    let mut run = workspace::cargo();
    run.args(["run", "--release", "--quiet", "--package", "mayfly-e2e", "--bin", "bench", "--"]);
    if options.quick {
        run.arg("--quick");
    }
    run.args(&options.only);
    process::succeeds(&mut run)
}
