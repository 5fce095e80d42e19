//! The Linux provider against real hosts: without systemd administered by root, with systemd by an account that has sudo.

mod ahead;
mod certificates;
mod checks;
mod contract;
mod elevation;
mod helper;
mod holders;
mod host;
mod leftovers;
mod shells;
