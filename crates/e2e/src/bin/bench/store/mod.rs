//! The store by itself: how long a start takes with a full ledger, and how fast the trail grows.

mod ledger;
mod seed;
mod trail;

pub(crate) use ledger::rows as ledger;
pub(crate) use trail::rows as trail;
