//! The broker for MySQL and MariaDB: the client/server protocol with TLS, `caching_sha2_password` and
//! `mysql_native_password` on both sides.
//!
//! A connection goes through these parts, each a module: our greeting, TLS and the client's log-in ([`opening`]), the person's
//! sign-in (`sign_in`), the session (`session`) with our log-in to the target (`reach`, `log_in`, `role`), and the relay, whose
//! streams go through `tap`: it follows commands and responses and parses no statement.
//!
//! * A client without TLS is refused, and so is a target without it, unless the record says otherwise.
//! * The client's user name is `PERSON~RECORD`. Within TLS a client gives the connect secret itself (`caching_sha2_password`),
//!   which is checked as one that was typed; a client that knows only `mysql_native_password` proves it.
//! * The greeting comes before the client has said where it wants to go. So it offers what every target has, and names the
//!   oldest version that we support: a client never expects more than there is.
//! * What is agreed with the client is agreed with the target, or the connection is refused. Compression, attributes of
//!   queries and what only one of the two servers speaks are not offered.
//! * `COM_CHANGE_USER`, and what turns a connection into a stream, end the connection with an error.
//! * A file of the client (`LOAD DATA LOCAL`) is asked for only where the record allows it; else the target is not told that
//!   the client could, and one that asks all the same is left.
//! * The number in our greeting is not the target's: `numbers` translates it in `KILL`.
//! * The protocol has no notice: a person is not warned before the end of a session, and reads the reason at its end.

mod closing;
mod log_in;
mod numbers;
mod opening;
mod reach;
mod role;
mod serve;
mod session;
mod sign_in;
mod tap;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use mayfly_domain::{ConnectionId, Entropy};
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::{
    admission::Admission,
    port::{Door, Tasks},
};

pub use serve::{run, serve};

pub use crate::{
    outcome::{Outcome, Side, Stage},
    settings::Settings,
};

/// Which server a listener looks like. Clients choose what they say by the version in the greeting: a dump of MariaDB's tool from
/// what looks like MySQL has no sequences, and tools of MySQL ask what looks like MariaDB for variables that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Flavour {
    /// The oldest version that we support, as a server of it would say.
    const fn version(self) -> &'static [u8] {
        match self {
            Self::Mysql => b"8.4.0-Mayfly",
            // Old replicas take MariaDB 10 for MySQL 1, hence what stands in front.
            Self::Mariadb => b"5.5.5-10.11.0-MariaDB-Mayfly",
        }
    }
}

/// What every connection of one listener shares.
pub struct Context {
    door: Arc<dyn Door>,
    tasks: Arc<dyn Tasks>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    tls: TlsAcceptor,
    admission: Arc<Admission>,
    numbers: Arc<numbers::Numbers>,
    flavour: Flavour,
    settings: Settings,
}

/// What a [`Context`] is made of.
pub struct Parts {
    /// Who may come in.
    pub door: Arc<dyn Door>,
    /// Runs a task for each client.
    pub tasks: Arc<dyn Tasks>,
    /// Randomness for nonces, numbers and ids.
    pub entropy: Box<dyn Entropy + Send>,
    /// TLS towards clients. Its application protocols are set here.
    pub tls: Arc<ServerConfig>,
    /// Which server the listener looks like.
    pub flavour: Flavour,
    /// The limits.
    pub settings: Settings,
}

impl Context {
    /// The context of a listener.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            door: parts.door,
            tasks: parts.tasks,
            entropy: Mutex::new(parts.entropy),
            tls: opening::acceptor(&parts.tls),
            admission: Admission::new(parts.settings.admission),
            numbers: numbers::Numbers::new(),
            flavour: parts.flavour,
            settings: parts.settings,
        })
    }

    /// The count of clients that have not signed in; [`serve`] takes a slot of it.
    #[must_use]
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// Random bytes.
    fn random<const LEN: usize>(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes);
        bytes
    }

    /// A new connection's id.
    fn connection_id(&self) -> ConnectionId {
        ConnectionId::random(&mut **self.entropy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
