//! What providers need of the rest of the server.

use mayfly_dial::{Credentials, Dialer};
use mayfly_domain::Entropy;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What providers need of the rest of the server.
#[derive(Clone)]
pub struct Services {
    /// The opener of connections.
    pub dialer: Dialer,
    /// The holder of administrative credentials.
    pub credentials: Arc<dyn Credentials>,
    entropy: Arc<Mutex<Box<dyn Entropy + Send>>>,
}

impl Services {
    /// Brings them together; `entropy` has to be fit for salts.
    pub fn new(dialer: Dialer, credentials: Arc<dyn Credentials>, entropy: Box<dyn Entropy + Send>) -> Self {
        Self { dialer, credentials, entropy: Arc::new(Mutex::new(entropy)) }
    }

    /// 128 random bits.
    pub(crate) fn random_bits(&self) -> u128 {
        self.entropy().bits()
    }

    /// The random generator; never held across an await.
    pub(crate) fn entropy(&self) -> MutexGuard<'_, Box<dyn Entropy + Send>> {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
