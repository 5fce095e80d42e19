//! The client's sign-in: with the connect secret, typed as a password or in a dialogue, or with a key. Whatever is wrong,
//! the answer is the same after the same time; and whoever comes in was proved by one attempt alone, which names the person,
//! the record and the connection (SECURITY-CASES 2 to 6 and 58).

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use mayfly_domain::{ConnectionId, Login};
use russh::keys::{Algorithm, HashAlg, PublicKey};

use crate::port::{Admitted, Claim, Protocol, Turned};

use super::Context;

/// How many keys a client may offer on one connection. Those that are refused count as attempts as well; this also bounds
/// those that are not.
const OFFERS_MOST: usize = 20;

/// A person who has signed in on this connection.
pub(super) struct Person {
    pub(super) admitted: Box<dyn Admitted>,
    pub(super) login: Login,
}

/// The client has tried too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooOften;

/// Where the last attempt that came to nothing is noted, for the log.
#[derive(Default)]
pub(super) struct LastTurn(Mutex<Option<Turned>>);

impl LastTurn {
    fn note(&self, turned: Turned) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(turned);
    }

    /// Why the last attempt came to nothing; `None` if there was none.
    pub(super) fn get(&self) -> Option<Turned> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Judges the attempts of one connection.
pub(super) struct Desk {
    context: Arc<Context>,
    source: IpAddr,
    connection: ConnectionId,
    last: Arc<LastTurn>,
    offers: usize,
    /// Whom a dialogue has asked for the secret. The answer counts for this name and no other.
    asked: Option<String>,
}

impl Desk {
    pub(super) fn new(context: Arc<Context>, source: IpAddr, connection: ConnectionId, last: Arc<LastTurn>) -> Self {
        Self { context, source, connection, last, offers: 0, asked: None }
    }

    /// What a user name claims; `None` if it is none.
    fn claim(&self, user: &str) -> Option<Claim> {
        let login = Login::parse(user).ok()?;
        let connection = self.connection.clone();
        Some(Claim { protocol: Protocol::Ssh, login, source: self.source, connection })
    }

    /// Judges a secret. A name that is none is refused like one that nobody has.
    pub(super) async fn secret(&mut self, user: &str, typed: &[u8]) -> Option<Person> {
        self.asked = None;
        let judged = match self.claim(user) {
            Some(claim) => self.judge(claim, typed).await,
            None => Err(Turned::Failed),
        };
        judged.map_err(|turned| self.last.note(turned)).ok()
    }

    async fn judge(&self, claim: Claim, typed: &[u8]) -> Result<Person, Turned> {
        let login = claim.login.clone();
        let attempt = self.context.door.sign_in(claim).await?;
        let accepted = attempt.verifiers().accepts(typed);
        let Some(which) = accepted else {
            attempt.failed().await;
            return Err(Turned::Failed);
        };
        let admitted = attempt.proved(which).await?;
        Ok(Person { admitted, login })
    }

    /// A dialogue begins; whatever the name, the same question is asked.
    pub(super) fn ask(&mut self, user: &str) {
        self.asked = Some(user.to_owned());
    }

    /// Judges the answer of a dialogue, which has to be one to a question that this name was asked.
    pub(super) async fn answer(&mut self, user: &str, answers: &[impl AsRef<[u8]>]) -> Option<Person> {
        let asked = self.asked.take().is_some_and(|asked| asked == user);
        match answers {
            [answer] if asked => self.secret(user, answer.as_ref()).await,
            _ => {
                self.last.note(Turned::Failed);
                None
            }
        }
    }

    /// Whether it is worth the client's while to prove that it holds this key. Nothing is decided by it.
    pub(super) async fn offered(
        &mut self,
        user: &str,
        key: &PublicKey,
        algorithm: &Algorithm,
    ) -> Result<bool, TooOften> {
        self.asked = None;
        self.offers = self.offers.saturating_add(1);
        if self.offers > OFFERS_MOST {
            return Err(TooOften);
        }
        let Some(claim) = self.claim(user).filter(|_| modern(algorithm)) else { return Ok(false) };
        let welcome = self.context.door.offers_key(&claim, &fingerprint(key)).await;
        Ok(welcome.unwrap_or_else(|turned| {
            self.last.note(turned);
            false
        }))
    }

    /// The client has proved that it holds this key.
    pub(super) async fn proved(&mut self, user: &str, key: &PublicKey, algorithm: &Algorithm) -> Option<Person> {
        self.asked = None;
        let claim = self.claim(user).filter(|_| modern(algorithm))?;
        let login = claim.login.clone();
        let proved = self.context.door.proved_key(claim, &fingerprint(key)).await;
        let admitted = proved.map_err(|turned| self.last.note(turned)).ok()?;
        Some(Person { admitted, login })
    }
}

/// Whether a signature algorithm is one that is safe to rely on: no SHA-1, no DSA.
fn modern(algorithm: &Algorithm) -> bool {
    match algorithm {
        Algorithm::Ed25519 | Algorithm::SkEd25519 | Algorithm::Ecdsa { .. } | Algorithm::SkEcdsaSha2NistP256 => true,
        Algorithm::Rsa { hash } => hash.is_some(),
        _ => false,
    }
}

/// A key's fingerprint, `SHA256:…`.
fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}
