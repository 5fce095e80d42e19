//! The way out, verb by verb. Each step is a transaction of its own, safe to repeat, and touches nothing that is not ours.

mod blocks;
mod hand_over;
mod in_database;
mod remaining;
mod sessions;

use crate::text::told;
pub(crate) use blocks::{by_blocks, has_dependents};
pub(crate) use hand_over::hand_over;
pub(crate) use remaining::explain;
pub(crate) use sessions::end_sessions;
