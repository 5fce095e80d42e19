//! The broker for PostgreSQL: protocol 3.0 and 3.2, TLS and SCRAM on both sides.
//!
//! A connection goes through these parts, each a module: the first packets and TLS ([`opening`]), the person's sign-in
//! (`sign_in`), the session (`session`) with our log-in to the target (`reach`, `log_in`), and the relay, which looks at
//! nothing but where messages end and lets the server speak between them (`voice`). Requests to cancel come on
//! connections of their own (`cancel`).
//!
//! * A client without TLS is refused, and so is a target without it, unless the record says otherwise.
//! * The client's user name is `PERSON~RECORD`. A database that is empty or equal to it is the record's default.
//! * `_pq_.` options are answered as unknown; replication is refused; everything else that a client gives at its start
//!   is passed on.
//! * The client never learns the target's cancel key: it gets one of ours.

mod cancel;
mod closing;
mod log_in;
mod opening;
mod reach;
mod serve;
mod session;
mod sign_in;
mod voice;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use mayfly_domain::{ConnectionId, Entropy};
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;

use crate::{
    admission::Admission,
    port::{Clock, Door, Tasks},
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
    clock: Arc<dyn Clock>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    tls: opening::ClientTls,
    admission: Arc<Admission>,
    cancels: Arc<cancel::Cancels>,
    settings: Settings,
}

/// What a [`Context`] is made of.
pub struct Parts {
    /// Who may come in.
    pub door: Arc<dyn Door>,
    /// Runs a task for each client.
    pub tasks: Arc<dyn Tasks>,
    /// The clock of deadlines.
    pub clock: Arc<dyn Clock>,
    /// Randomness for nonces, cancel keys and ids.
    pub entropy: Box<dyn Entropy + Send>,
    /// TLS towards clients. Its application protocols are set here.
    pub tls: Arc<ServerConfig>,
    /// The certificate that `tls` presents, for channel binding.
    pub certificate: CertificateDer<'static>,
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
            clock: parts.clock,
            entropy: Mutex::new(parts.entropy),
            tls: opening::ClientTls::new(&parts.tls, &parts.certificate),
            admission: Admission::new(parts.settings.admission),
            cancels: cancel::Cancels::new(),
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
