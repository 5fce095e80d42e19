//! `cargo xtask bench`: builds with optimisation and prints one table of ratios from one run.

use crate::signals::Interrupted;
use crate::{packages, process, workspace};

/// The system packages that the benchmark needs.
const PACKAGES: &[&str] = &["postgresql-15", "postgresql-client-15", "pgbouncer", "util-linux"];

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds: a minute or two instead of about ten.
    #[arg(long)]
    quick: bool,
}

/// Runs the benchmark; `docs/benchmarks.md` says what its rows mean.
///
/// # Errors
/// When something cannot be installed, built or started.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let interrupted = Interrupted::watch()?;
    packages::install_only(PACKAGES, &interrupted)?;
    println!("Building with optimisation; the first time takes several minutes.");
    let build = ["build", "--release", "--package", "mayfly", "--package", "mayfly-e2e", "--bins"];
    anyhow::ensure!(process::succeeds(workspace::cargo().args(build))?, "the build failed");
    interrupted.check()?;
    let mut run = workspace::cargo();
    run.args(["run", "--release", "--quiet", "--package", "mayfly-e2e", "--bin", "bench", "--"]);
    if options.quick {
        run.arg("--quick");
    }
    process::succeeds(&mut run)
}
