//! Connect secrets: how a person's native client gets in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person who wants to connect.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConnectRequest {
    /// Who; whoever has signed in if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Their sign-in password, which whoever has signed in leaves out. It never goes over a database protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// To what.
    pub record: String,
    /// For how long the secret is wanted; at most eight hours, which is also what an absent value means. One that was got
    /// without the password ends with the sign-in at the latest.
    pub valid_s: Option<u64>,
}

/// Where native clients connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrokersAnswer {
    /// One for each protocol that this server listens for.
    pub brokers: Vec<Broker>,
}

/// Where native clients of one protocol connect, and by what they believe the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Broker {
    /// The protocol: `postgresql`, `mysql`, `mariadb`, `mssql` or `ssh`.
    pub protocol: String,
    /// The host, as its certificate names it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// For SSH: the line for `known_hosts` with which a client believes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<String>,
}

/// What a native client needs.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConnectAnswer {
    /// The user name, `PERSON~RECORD`.
    pub user: String,
    /// The connect secret. Shown once; only its verifier is kept.
    pub secret: String,
    /// Until when it is good.
    pub expires_at: String,
    /// What the client has to speak: `postgresql`, `mysql`, `mariadb`, `mssql` or `ssh`.
    pub protocol: String,
    /// The host at which the broker listens, as its certificate names it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The record's default database; empty for a machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub database: String,
    /// The certificate of the local authority, as PEM, for `sslmode=verify-full`.
    pub ca_pem: String,
    /// For SSH: the line for `known_hosts` with which a client believes the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<String>,
    /// What the session will be, in words: the account, the role, how long, and what happens if Mayfly is destroyed.
    pub notes: Vec<String>,
}
