//! The store's tests against real files: its contract, its durability, its refusals.

mod contract;
mod group_commit;
mod kill;
mod opening;
mod rig;
