//! The fakes of the engine's ports and the contract suites that they and the real things pass alike. Development only.
//!
//! The fakes keep the rules of the ports to the letter, go wrong on demand, and are driven by seeds and virtual time, so
//! that a failing run can be run again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a development crate: a broken rig is a failed test"
)]

pub mod books;
pub mod clock;
pub mod entropy;
pub mod faults;
pub mod ledger;
pub mod provider;
pub mod suite;
pub mod target;
pub mod tracer;
