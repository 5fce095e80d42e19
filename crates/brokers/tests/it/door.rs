//! The port, answered by a test: one person, one record, one secret, and a session whose end the test decides.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use mayfly_brokers::port::{
    Admitted, Claim, ConnectionGuard, Door, Ending, Joined, RefusalClass, Refused, Service, SignIn, Standing, Turned,
};
use mayfly_dial::{Credential, ssh::UserCertificate};
use mayfly_domain::{
    Authorised, BootTime, Destination, EndReason, PersonName, RecordName, SessionId, WallTime,
    authorise::{PersonFacts, RecordFacts, authorise},
};
use mayfly_protocol::{
    mysql::auth::NativeVerifier,
    scram::{Verifier, Verifiers},
};
use tokio::sync::watch;

/// The client's secret.
pub(crate) const SECRET: &str = "connect-secret-of-alice";
/// The person and the record of most tests.
pub(crate) const USER: &str = "alice~orders";
/// Another person of the same record, and their secret.
pub(crate) const OTHER: &str = "bob~orders";
pub(crate) const OTHERS_SECRET: &str = "connect-secret-of-bob";

/// What happened, for the tests to look at.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) failed: AtomicUsize,
    pub(crate) proved: AtomicUsize,
    pub(crate) joined: AtomicUsize,
    pub(crate) given_up: AtomicUsize,
    pub(crate) started: AtomicUsize,
    pub(crate) closed: AtomicUsize,
    pub(crate) native_ids: Mutex<Vec<String>>,
    /// What was said of targets that were others than those trusted.
    pub(crate) others: Mutex<Vec<String>>,
    /// Who came in, by the claim that was proved.
    pub(crate) admitted: Mutex<Vec<String>>,
}

/// How the door answers.
pub(crate) struct TestDoor {
    pub(crate) destination: Destination,
    pub(crate) credential: Credential,
    pub(crate) made: bool,
    /// The certificate for the session's key.
    pub(crate) certificate: Option<UserCertificate>,
    pub(crate) service: Service,
    /// The fingerprints of the keys with which [`USER`] signs in.
    pub(crate) keys: Vec<String>,
    pub(crate) launch: Duration,
    pub(crate) turned: Option<Turned>,
    pub(crate) refused: Option<Refused>,
    pub(crate) standing: watch::Sender<Standing>,
    pub(crate) seen: Arc<Seen>,
}

impl TestDoor {
    /// A door to this target; the session lasts until `until`.
    pub(crate) fn new(destination: Destination, credential: Credential, until: BootTime) -> Self {
        Self {
            destination,
            credential,
            made: true,
            certificate: None,
            service: Service::Postgres { default_database: "orders".to_owned() },
            keys: Vec::new(),
            launch: Duration::ZERO,
            turned: None,
            refused: None,
            standing: watch::Sender::new(Standing::Open { until }),
            seen: Arc::default(),
        }
    }

    /// Cuts the session.
    pub(crate) fn cut(&self, reason: EndReason) {
        self.standing.send_replace(Standing::Cut(Ending::new(reason)));
    }

    fn knows(&self, claim: &Claim, fingerprint: &str) -> bool {
        claim.login.to_string() == USER && self.keys.iter().any(|key| key == fingerprint)
    }

    fn admit(self: &Arc<Self>, login: &str) -> Box<dyn Admitted> {
        self.seen.proved.fetch_add(1, SeqCst);
        self.seen.admitted.lock().unwrap().push(login.to_owned());
        Box::new(Member(Arc::clone(self)))
    }

    fn joined(&self) -> Joined {
        Joined {
            session: SessionId::parse("ses_0000000000000001").unwrap(),
            destination: self.destination.clone(),
            credential: self.credential.clone(),
            made: self.made,
            certificate: self.certificate.clone(),
            service: self.service.clone(),
            authorised: Arc::new(authorised()),
            standing: self.standing.subscribe(),
            guard: Box::new(Guard(Arc::clone(&self.seen))),
        }
    }
}

fn authorised() -> Authorised {
    let (person, record) = (PersonName::parse("alice").unwrap(), RecordName::parse("orders").unwrap());
    let may = [record.clone()];
    let facts = PersonFacts { name: &person, disabled: false, may_launch: &may };
    let record = RecordFacts { name: &record, duration: Duration::from_secs(3600) };
    authorise(facts, record, &[], WallTime::from_micros(0)).unwrap()
}

/// The door as the broker has it; answers are those of the [`TestDoor`] within.
pub(crate) struct Shared(pub(crate) Arc<TestDoor>);

#[async_trait]
impl Door for Shared {
    async fn sign_in(&self, claim: Claim) -> Result<Box<dyn SignIn>, Turned> {
        if let Some(turned) = self.0.turned {
            return Err(turned);
        }
        let iterations = NonZeroU32::new(4096).unwrap();
        let login = claim.login.to_string();
        let known = |secret: &str, salt: u8| {
            let verifier = Verifier::from_password(secret.as_bytes(), &[salt; 16], iterations);
            (verifier, NativeVerifier::from_password(secret.as_bytes()))
        };
        let (verifier, native) = match login.as_str() {
            USER => known(SECRET, 7),
            OTHER => known(OTHERS_SECRET, 8),
            _ => {
                let secret = b"a secret of the test, of 32 bytes";
                let verifier = Verifier::mock(secret, login.as_bytes(), &[9; 16], iterations);
                (verifier, NativeVerifier::from_bytes([9; 20]))
            }
        };
        Ok(Box::new(Attempt { door: Arc::clone(&self.0), login, verifiers: verifier.into(), native }))
    }

    async fn offers_key(&self, claim: &Claim, fingerprint: &str) -> Result<bool, Turned> {
        Ok(self.0.knows(claim, fingerprint))
    }

    async fn proved_key(&self, claim: Claim, fingerprint: &str) -> Result<Box<dyn Admitted>, Turned> {
        if self.0.knows(&claim, fingerprint) { Ok(self.0.admit(&claim.login.to_string())) } else { Err(Turned::Failed) }
    }
}

struct Attempt {
    door: Arc<TestDoor>,
    login: String,
    verifiers: Verifiers,
    native: NativeVerifier,
}

#[async_trait]
impl SignIn for Attempt {
    fn verifiers(&self) -> &Verifiers {
        &self.verifiers
    }

    fn native_verifiers(&self) -> Vec<NativeVerifier> {
        vec![self.native.clone()]
    }

    async fn proved(self: Box<Self>, _which: usize) -> Result<Box<dyn Admitted>, Turned> {
        Ok(self.door.admit(&self.login))
    }

    async fn failed(self: Box<Self>) {
        self.door.seen.failed.fetch_add(1, SeqCst);
    }
}

struct Member(Arc<TestDoor>);

#[async_trait]
impl Admitted for Member {
    async fn join(self: Box<Self>) -> Result<Joined, Refused> {
        /// Counts a waiter that gave up.
        struct Waiting<'a>(Option<&'a Seen>);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                if let Some(seen) = self.0 {
                    seen.given_up.fetch_add(1, SeqCst);
                }
            }
        }
        let mut waiting = Waiting(Some(&self.0.seen));
        tokio::time::sleep(self.0.launch).await;
        waiting.0 = None;
        self.0.seen.joined.fetch_add(1, SeqCst);
        match &self.0.refused {
            Some(refused) => Err(refused.clone()),
            None => Ok(self.0.joined()),
        }
    }
}

struct Guard(Arc<Seen>);

#[async_trait]
impl ConnectionGuard for Guard {
    fn opened(&mut self, native_id: String) {
        self.0.native_ids.lock().unwrap().push(native_id);
    }

    async fn started(&mut self) -> Result<(), Refused> {
        self.0.started.fetch_add(1, SeqCst);
        Ok(())
    }

    async fn met_another(&mut self, text: String) {
        self.0.others.lock().unwrap().push(text);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, SeqCst);
    }
}

/// A refusal with this text.
pub(crate) fn refusal(class: RefusalClass, text: &str) -> Refused {
    Refused { class, text: text.to_owned() }
}
