//! The lifecycle of sessions and their changes.

pub mod ports;
pub mod proof;
