//! The testbed against the real servers it starts.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests start processes and open connections themselves, and fail by panicking"
)]

mod admin;
mod host;
mod mysql;
mod names;
mod pgbouncer;
mod pool;
mod postgres;
mod proxy;
mod shared;
mod snapshot;
mod sqlserver;

use std::time::{Duration, Instant};

/// Asks again until `done` or until a minute has passed, and then says what never came.
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a server of one's own without fsync, since these tests ask nothing of the disk.
fn start(flavour: mayfly_testbed::Flavour) -> mayfly_testbed::Postgres {
    let mut options = mayfly_testbed::Options::new(flavour);
    options.fsync = false;
    mayfly_testbed::Postgres::start(options).unwrap()
}
