//! The store's tests against real files: its contract, its durability, its refusals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test binary: what breaks is a failed test"
)]

mod access;
mod contract;
mod copies;
mod group_commit;
mod history;
mod kill;
mod model;
mod opening;
mod orphans;
mod rig;
mod verified;
