//! MariaDB and MySQL servers: throw-away data directories of two flavours, and handles to running ones.
//!
//! Unlike PostgreSQL's, these are spoken to through their own command line clients: one that runs a statement and ends
//! ([`MysqlHandle::sql`]), and one that stays logged in ([`Session`]).

mod binaries;
pub mod fixtures;
mod handle;
pub mod pool;
mod session;
pub mod skip;
pub mod snapshot;
mod start;
mod template;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use binaries::tool;
pub use handle::{MysqlHandle, quote_identifier, quote_literal};
pub use session::Session;
pub use start::Mysql;

/// Which server is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Flavour {
    /// MariaDB 10.11 of Debian bookworm.
    MariaDb,
    /// The MySQL that Debian's unstable release has, 9.x, fetched once into the cache directory and run there by its own
    /// loader and libraries. It moves, and may not be there at all: tests that need it say so ([`skip`]).
    MySql,
}

impl Flavour {
    /// Both flavours, for tests that run on each.
    pub const ALL: [Self; 2] = [Self::MariaDb, Self::MySql];

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }
}

/// What a started server is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which server.
    pub flavour: Flavour,
    /// `max_connections`; 200 by default.
    pub max_connections: u32,
    /// Whether commits reach the disk, and MySQL keeps a binary log as it does unless told not to; `true` by default.
    pub durable: bool,
    /// `event_scheduler`; on by default, as it is with MySQL but not with MariaDB.
    pub events: bool,
    /// How long the start may take; 60 s by default, since machines are shared.
    pub deadline: Duration,
}

impl Options {
    /// The defaults for a flavour.
    #[must_use]
    pub fn new(flavour: Flavour) -> Self {
        Self { flavour, max_connections: 200, durable: true, events: true, deadline: Duration::from_secs(60) }
    }
}
