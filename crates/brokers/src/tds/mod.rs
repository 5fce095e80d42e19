//! The broker for SQL Server: TDS 7.1 to 7.4 and the strict form 8.0, with TLS and logins of SQL Server on both sides.
//!
//! A connection goes through these parts, each a module: `PRELOGIN`, TLS and the client's log-in ([`opening`]), the person's
//! sign-in (`sign_in`), the session (`session`) with our log-in to the target (`reach`, `log_in`), and the relay, which looks at
//! nothing but the headers of packets.
//!
//! * TLS is always there: within `PRELOGIN`, or before everything where the client begins with it (`Encrypt=Strict`). A target
//!   without it is refused, unless the record says otherwise.
//! * The client's user name is `PERSON~RECORD`, its password the connect secret, which comes through TLS and is checked as one
//!   that was typed.
//! * All else that a client says in its log-in is passed on: database, read-only intent, program, machine, language, length of
//!   packets, features. Integrated and federated authentication, a change of the password, a file to attach and an instance of
//!   one's own are refused, since each would be about another account than the session's.
//! * A target that sends the client elsewhere (routing of read-only connections) is not followed: where the session's secret goes
//!   is frozen at its launch.
//! * Requests, bulk copies, attentions, resets and several results at once (MARS) pass as they come. Another log-in does not.
//! * The protocol has no message that a server could send unasked: a person is not warned before the end of a session, and reads
//!   the reason at its end.

mod closing;
mod log_in;
mod opening;
mod reach;
mod serve;
mod session;
mod sign_in;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use mayfly_domain::{ConnectionId, Entropy};
use rustls::ServerConfig;

use crate::{
    admission::Admission,
    port::{Door, Tasks},
};

pub use serve::{run, serve};

pub use crate::{
    outcome::{Outcome, Side, Stage},
    settings::Settings,
};

/// What every connection of one listener shares.
pub struct Context {
    door: Arc<dyn Door>,
    tasks: Arc<dyn Tasks>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    tls: opening::ClientTls,
    admission: Arc<Admission>,
    settings: Settings,
}

/// What a [`Context`] is made of.
pub struct Parts {
    /// Who may come in.
    pub door: Arc<dyn Door>,
    /// Runs a task for each client.
    pub tasks: Arc<dyn Tasks>,
    /// Randomness for ids.
    pub entropy: Box<dyn Entropy + Send>,
    /// TLS towards clients. Its application protocols and versions are set here.
    pub tls: Arc<ServerConfig>,
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
            tls: opening::ClientTls::new(&parts.tls),
            admission: Admission::new(parts.settings.admission),
            settings: parts.settings,
        })
    }

    /// The count of clients that have not signed in; [`serve`] takes a slot of it.
    #[must_use]
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// A new connection's id.
    fn connection_id(&self) -> ConnectionId {
        ConnectionId::random(&mut **self.entropy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
