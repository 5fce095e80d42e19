//! The project's own commands, started as `cargo xtask …`. Each lives in a module of its own; this file only reads the
//! command line.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a development command: it prints, measures time and starts cargo, apt and the tests"
)]

mod bench;
mod deb;
mod demo;
mod deny;
mod packages;
mod process;
mod signals;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The commands of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check, lint and test everything; installs the system packages that it needs.
    Test(test::Options),
    /// Show one real session on a throw-away PostgreSQL; stays up in a terminal until Ctrl-C.
    Demo,
    /// Measure against raw statements, PgBouncer and direct connections, and print one table.
    Bench(bench::Options),
    /// Build the Debian package.
    Deb(deb::Options),
    /// Check the rules of the house: edges between and inside crates, places, lengths, text.
    Tidy,
    /// Install the system packages that the tests need, without starting or reconfiguring a service.
    Packages(packages::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Demo => demo::run(),
        Command::Bench(options) => bench::run(&options),
        Command::Deb(options) => deb::run(&options),
        Command::Tidy => tidy::run(),
        Command::Packages(options) => packages::run(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
