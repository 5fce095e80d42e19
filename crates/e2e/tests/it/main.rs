//! End to end: the real binary, real clients, real servers; what is asserted is read on the target with the target's own
//! tools.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test binary: what breaks is a failed test"
)]

mod api;
mod asked_again;
mod asked_later;
mod both;
mod canaries;
mod clients;
mod container;
mod copies;
mod declared;
mod drain;
mod drills;
mod exercised;
mod first_look;
mod full;
mod fuzzed;
mod hostile;
mod identity;
mod keys;
mod kill;
mod lockdown;
mod login;
mod logs;
mod main_job;
mod mistakes;
mod mssql;
mod operations;
mod package;
mod past_us;
mod readme;
mod rebinding;
mod record_check;
mod refusals;
mod reports;
mod scenarios;
mod settings;
mod sinks;
mod ssh;
mod support;
mod traces;
mod upgrade;
mod webhooks;
mod week;
