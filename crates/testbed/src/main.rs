//! Starts the shared servers, prints the path of their state file (for `MAYFLY_TESTBED`), and holds them until its
//! standard input ends or it is killed.

#![allow(clippy::print_stdout, reason = "the path on standard output is what this program is for")]

use std::io::Read as _;

fn main() -> anyhow::Result<()> {
    let running = mayfly_testbed::shared::start()?;
    println!("{}", running.state_file().display());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
