//! Sinks against a trail that is made up, a receiver that fails on demand, and rsyslog, which is not ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail their test by panicking"
)]

mod rig;
mod serving;
mod syslog;
