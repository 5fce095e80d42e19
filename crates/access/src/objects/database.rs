//! A database record.

use crate::objects::resource::{Jit, Resource, SessionRules};
use mayfly_domain::{RecordName, Trust};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct DatabaseRecord {
    /// What every resource has.
    pub resource: Resource,
    /// The database that administration connects to, and a client that names none.
    pub default_database: String,
}

/// The stored form, in which all fields stand beside each other.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    name: RecordName,
    labels: BTreeMap<String, String>,
    host: String,
    trust: Trust,
    default_database: String,
    administrative: RecordName,
    administrative_port: u16,
    port: u16,
    jit: Jit,
    session: SessionRules,
}

impl From<Stored> for DatabaseRecord {
    fn from(stored: Stored) -> Self {
        let Stored {
            name,
            labels,
            host,
            trust,
            default_database,
            administrative,
            administrative_port,
            port,
            jit,
            session,
        } = stored;
        let resource = Resource { name, labels, host, trust, administrative, administrative_port, port, jit, session };
        Self { resource, default_database }
    }
}

impl From<DatabaseRecord> for Stored {
    fn from(record: DatabaseRecord) -> Self {
        let DatabaseRecord { resource, default_database } = record;
        let Resource { name, labels, host, trust, administrative, administrative_port, port, jit, session } = resource;
        Self { name, labels, host, trust, default_database, administrative, administrative_port, port, jit, session }
    }
}
