//! A database record.

use crate::objects::resource::{Jit, Resource, SessionRules};
use mayfly_domain::{RecordName, Trust};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseType {
    /// PostgreSQL.
    #[default]
    Postgresql,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// SQL Server.
    Mssql,
}

impl DatabaseType {
    /// Every type that is built.
    pub const ALL: [Self; 4] = [Self::Postgresql, Self::Mysql, Self::Mariadb, Self::Mssql];

    /// The type as it is written in `database_type` and in `connection.protocol`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Mssql => "mssql",
        }
    }

    /// The name of its provider.
    pub const fn provider(self) -> &'static str {
        match self {
            Self::Mssql => "sqlserver",
            other => other.as_str(),
        }
    }

    /// The type as people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Postgresql => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::Mssql => "SQL Server",
        }
    }

    /// Whether it is the one that records of before there were others have, which do not say so.
    fn is_first(&self) -> bool {
        *self == Self::Postgresql
    }
}

/// A database server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct DatabaseRecord {
    /// What every resource has.
    pub resource: Resource,
    /// What it speaks.
    pub database_type: DatabaseType,
    /// The database that a client gets that names none. Of PostgreSQL also the one that administration connects to; of the others
    /// it may be empty, for none.
    pub default_database: String,
    /// Whether the server may ask a client for files (`LOAD DATA LOCAL`). Of MySQL and MariaDB only.
    pub local_infile: bool,
    /// What only records of SQL Server have.
    pub mssql: MssqlRules,
}

/// What only records of SQL Server have, in the form in which its provider reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MssqlRules {
    /// Whether accounts are users of the default database with passwords of their own, and not log-ins of the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub contained: bool,
    /// The databases that an ephemeral account gets into, each perhaps with a role behind a slash, and commas between.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub databases: String,
    /// The roles of the server that an ephemeral account gets, with commas between.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_roles: String,
}

impl MssqlRules {
    /// Whether nothing is said.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The stored form, in which all fields stand beside each other.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    name: RecordName,
    labels: BTreeMap<String, String>,
    host: String,
    trust: Trust,
    #[serde(default, skip_serializing_if = "DatabaseType::is_first")]
    database_type: DatabaseType,
    default_database: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    local_infile: bool,
    #[serde(default, skip_serializing_if = "MssqlRules::is_default")]
    mssql: MssqlRules,
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
            database_type,
            default_database,
            local_infile,
            mssql,
            administrative,
            administrative_port,
            port,
            jit,
            session,
        } = stored;
        let resource = Resource { name, labels, host, trust, administrative, administrative_port, port, jit, session };
        Self { resource, database_type, default_database, local_infile, mssql }
    }
}

impl From<DatabaseRecord> for Stored {
    fn from(record: DatabaseRecord) -> Self {
        let DatabaseRecord { resource, database_type, default_database, local_infile, mssql } = record;
        let Resource { name, labels, host, trust, administrative, administrative_port, port, jit, session } = resource;
        Self {
            name,
            labels,
            host,
            trust,
            database_type,
            default_database,
            local_infile,
            mssql,
            administrative,
            administrative_port,
            port,
            jit,
            session,
        }
    }
}
