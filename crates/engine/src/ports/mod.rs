//! What the engine asks of the world: a clock, a ledger with its trail and what was, providers, and whom to tell
//! how long steps took. Nothing else reaches it from outside.

pub mod clock;
pub mod history;
pub mod ledger;
pub mod proof;
pub mod provider;
pub mod trace;
pub mod trail;
