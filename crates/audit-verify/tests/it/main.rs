//! The verifier against a trail that is made from docs/audit-format.md, here and without the store's code: whole it passes,
//! and each kind of tampering is found and the first bad entry named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test binary: what breaks is a failed test"
)]

mod maker;
mod sources;
mod tampering;
