//! The engine's tests through its ports: scripted scenes for each rule of the lifecycle, and the simulation that lets
//! everything go wrong. Time is virtual; a failing seed is printed and replays with `MAYFLY_SEED=…`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test binary: what breaks is a failed test"
)]

mod crash;
mod mutants;
mod scenes;
mod simulation;
mod world;
