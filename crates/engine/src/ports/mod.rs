//! What the engine asks of the world: a clock, a ledger with its trail, and providers. Nothing else reaches it from outside.

pub mod clock;
pub mod ledger;
pub mod proof;
pub mod provider;
pub mod trail;
