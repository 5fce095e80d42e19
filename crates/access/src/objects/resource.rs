//! What every resource has, whatever its kind: where it is, how it is administered, and what a session of it gets.

use mayfly_domain::authorise::RecordFacts;
use mayfly_domain::{CredentialRef, Destination, Endpoint, Place, RecordName, Trust};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest session that a record may grant.
pub const SESSION_LONGEST: Duration = Duration::from_secs(8 * 60 * 60);

/// What databases and machines have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// The name of the record.
    pub name: RecordName,
    /// Free words of the administrator, for finding and sorting.
    pub labels: BTreeMap<String, String>,
    /// A DNS name or an IP address.
    pub host: String,
    /// Whom to believe there, on both ports.
    pub trust: Trust,
    /// The user record with which accounts are made and removed.
    pub administrative: RecordName,
    /// The port for administration.
    pub administrative_port: u16,
    /// The port to which sessions connect.
    pub port: u16,
    /// What a session logs in as, and what it is lifted into.
    pub jit: Jit,
    /// The rules of its sessions.
    pub session: SessionRules,
}

/// Which account a session has and what that account gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jit {
    /// The account that a session logs in as.
    pub launch: Launch,
    /// What this account is a member of for the length of the session; none when it is not lifted.
    pub elevate: Option<Grant>,
}

/// The account that a session logs in as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Launch {
    /// One made for the session.
    Ephemeral,
    /// An existing one.
    Existing {
        /// The user record of the account.
        user: RecordName,
    },
}

/// A role or group that an account is in for the length of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The name of the role or group on the server (`elevation_string`).
    pub role: String,
    /// Whether one existing account can be lifted by only one session at a time.
    pub exclusive: bool,
}

/// The rules of a record's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRules {
    /// How long a session lasts, in seconds.
    pub duration_s: u64,
    /// How long it lives on without a connection, in seconds.
    pub linger_s: u64,
    /// How many connections it may have at once.
    pub connections: u16,
    /// What happens to what its account owns.
    pub leftovers: Leftovers,
    /// Whether the end of a session also ends what others opened as a lifted account since the first hold.
    pub end_other_sessions: bool,
}

impl SessionRules {
    /// How long a session lasts.
    pub const fn duration(&self) -> Duration {
        Duration::from_secs(self.duration_s)
    }

    /// How long it lives on without a connection.
    pub const fn linger(&self) -> Duration {
        Duration::from_secs(self.linger_s)
    }
}

/// What happens to the objects that an ephemeral account of a database owns when it is removed. On a machine what a session
/// leaves goes with its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leftovers {
    /// They are handed to a role that nobody can log in as.
    Graveyard,
    /// They are dropped.
    Drop,
    /// The account is kept, closed to log-in, for as long as it owns something.
    Keep,
}

impl Resource {
    /// Where and with what the server is administered, to be frozen into changes.
    pub fn administration(&self) -> Place {
        Place {
            destination: self.at(self.administrative_port),
            credential: CredentialRef { record: self.administrative.clone() },
        }
    }

    /// Where sessions connect.
    pub fn sessions(&self) -> Destination {
        self.at(self.port)
    }

    /// What [`mayfly_domain::authorise::authorise`] needs to know.
    pub fn facts(&self) -> RecordFacts<'_> {
        RecordFacts { name: &self.name, duration: self.session.duration() }
    }

    /// Where the secret of a user record of this resource may be sent: to the administrative port when it administers,
    /// otherwise to the port of sessions. `None` when this record does not use it.
    pub fn destination_of(&self, user: &RecordName) -> Option<Destination> {
        if *user == self.administrative {
            return Some(self.at(self.administrative_port));
        }
        match &self.jit.launch {
            Launch::Existing { user: launch } if launch == user => Some(self.at(self.port)),
            Launch::Existing { .. } | Launch::Ephemeral => None,
        }
    }

    fn at(&self, port: u16) -> Destination {
        Destination { endpoint: Endpoint { host: self.host.clone(), port }, trust: self.trust.clone() }
    }
}
