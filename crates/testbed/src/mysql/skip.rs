//! Tests that cannot run because MySQL could not be had: they say so on standard error, past what libtest captures, in a line
//! that `cargo xtask test` counts.

use std::io::Write as _;

use super::{Flavour, binaries};

/// What such a line begins with.
pub const PREFIX: &str = "SKIPPED: ";

/// Whether a server of this flavour can be started here. If not, the line for the calling test is written.
///
/// MariaDB is a package that the tests need: without it they fail, and are not skipped.
#[must_use]
pub fn can_run(flavour: Flavour) -> bool {
    match (flavour, binaries::programs(flavour)) {
        (Flavour::MySql, Err(error)) => {
            let thread = std::thread::current();
            let why = format!("{error:#}").replace('\n', " ");
            let line = format!("{PREFIX}{} needs MySQL: {why}\n", thread.name().unwrap_or("a test"));
            // One write, so that it stays a line of its own.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
            false
        }
        _ => true,
    }
}
