//! The way out, verb by verb. Each step is a transaction of its own, safe to repeat, and touches nothing that is not ours.

mod blocks;
mod hand_over;
mod in_database;
mod sessions;

pub(crate) use blocks::by_blocks;
pub(crate) use hand_over::{explain, hand_over};
pub(crate) use sessions::end_sessions;
