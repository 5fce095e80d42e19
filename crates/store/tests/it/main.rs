//! The store's tests against real files: its contract, its durability, its refusals.

mod access;
mod contract;
mod group_commit;
mod kill;
mod model;
mod opening;
mod rig;
mod verified;
