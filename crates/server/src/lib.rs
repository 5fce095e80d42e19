//! The composition of the server: settings, keys, the door of the brokers, the API, the listeners. Entry points are the
//! commands in [`commands`].
//!
//! Invariants, stated as absences: nothing here decides how a session lives (that is `engine`), what an account needs on a
//! target (`providers`), or what is allowed (`domain::authorise`); no handler reaches a target except through the engine or
//! a provider's check.

mod access_report;
mod api;
mod authority;
mod backup;
mod bound;
mod certify;
pub mod cli;
mod clock;
pub mod commands;
mod config;
mod context;
mod couriers;
mod credentials;
mod decision;
mod door;
mod doors;
mod drain;
mod edit;
mod entropy;
mod exercise;
mod files;
mod http;
mod keys;
mod lockdowns;
mod logging;
mod metrics;
mod orders;
mod orphans;
mod overview;
mod owed;
mod peer;
mod ports;
mod readiness;
mod recovery;
mod reload;
mod service;
mod sign_ins;
mod sinks;
mod ssh_authority;
mod standing_report;
mod support;
mod taps;
mod traces;
mod user_authority;
mod wire_up;
mod workers;

pub use config::{Config, ConfigError, DEFAULT_PATH};
pub use wire_up::StartError;
