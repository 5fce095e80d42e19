//! Real target servers for tests and the demo, and a stand-in for one that cannot be had here ([`sqlserver`]). Development only:
//! nothing that ships depends on this crate.
//!
//! A server lives in a throw-away directory named `mayfly-…`, listens on loopback only, and has random secrets and a
//! certificate of a throw-away authority. It goes when its handle is dropped, and also when the process that started
//! it is killed: a small watchdog process waits for the end of a pipe and then does what `drop` would have done.
//!
//! Functions that start, stop or question a server block the calling thread; only what speaks through
//! `tokio_postgres` is async.

#![allow(
    clippy::disallowed_methods,
    reason = "a development crate starts processes, opens connections and waits by the machine's clock"
)]

pub mod admin;
mod cache;
mod certificates;
mod command;
pub mod fixtures;
pub mod host;
pub mod mysql;
pub mod names;
pub mod pgbouncer;
pub mod podman;
pub mod pool;
pub mod postgres;
pub mod proxy;
pub mod rsyslog;
pub mod schemathesis;
pub mod scratch;
pub mod shared;
pub mod snapshot;
pub mod sqlclients;
pub mod sqlserver;
pub mod traces;
mod watchdog;
pub mod webhooks;

pub use mysql::{Mysql, MysqlHandle};
pub use names::hostile_names;
pub use pgbouncer::{PgBouncer, PoolMode};
pub use podman::Podman;
pub use postgres::{Flavour, Login, Options, Postgres, PostgresHandle};
pub use proxy::Proxy;
pub use rsyslog::Rsyslog;
pub use scratch::free_port;
pub use sqlserver::SqlServerStandIn;
pub use traces::TraceReceiver;
pub use webhooks::WebhookReceiver;
