//! An engine put together as the server does it: the store of an installation on the disk, every provider of the build, and
//! sessions that nobody connects to.

use super::kind::Kind;
use crate::clock::Machine;
use crate::figures::{median, millis};
use crate::stored;
use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use mayfly_dial::{Credential, Credentials, Dialer};
use mayfly_domain::authorise::{PersonFacts, RecordFacts, authorise};
use mayfly_domain::{
    AccountName, Authorised, ConnectionId, CredentialRef, Destination, EndReason, Entropy, Failure, Mark, Permit,
    PersonName, Prefix, RecordName, RunId, Secret, WallTime,
};
use mayfly_e2e::Installation;
use mayfly_engine::ports::provider::{AccountWish, Wish};
use mayfly_engine::ports::trace::{Moment, Span, Step, Tracer};
use mayfly_engine::{Closing, Engine, Identity, Order, Ports, Settings};
use mayfly_providers::{Registry, Services};
use mayfly_store::Store;
use mayfly_testbed::Login;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a session would last; each is ended at once.
const DURATION: Duration = Duration::from_secs(3600);

/// How long the end may take of all that is still under way.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The operating system's randomness.
struct Os(SystemRandom);

impl Os {
    fn new() -> Box<Self> {
        Box::new(Self(SystemRandom::new()))
    }
}

impl Entropy for Os {
    fn fill(&mut self, bytes: &mut [u8]) {
        assert!(self.0.fill(bytes).is_ok(), "the operating system gives randomness");
    }
}

/// The one administrator.
struct Administrator(Login);

#[async_trait]
impl Credentials for Administrator {
    async fn fetch(&self, _: Permit<'_>, _: &CredentialRef, _: &Destination) -> Result<Credential, Failure> {
        Ok(Credential { login: self.0.user.clone(), secret: Secret::new(self.0.password.clone()) })
    }

    fn revision(&self) -> u64 {
        0
    }
}

/// How long each kind of step took, in milliseconds.
#[derive(Default)]
struct Times(Mutex<BTreeMap<Step, Vec<f64>>>);

impl Times {
    fn take(&self) -> BTreeMap<Step, Vec<f64>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tracer for Times {
    fn take(&self, span: Span) {
        let took = millis(span.until.since(span.from));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(span.step).or_default().push(took);
    }
}

/// What the workers share.
struct House {
    engine: Engine,
    kind: Arc<dyn Kind>,
    prefix: Prefix,
    record: RecordName,
}

/// An engine with its store.
pub(super) struct Site {
    house: Arc<House>,
    pub(super) kind: Arc<dyn Kind>,
    times: Arc<Times>,
    store: Arc<Store>,
    _installation: Installation,
}

impl Site {
    /// Puts everything together on a target.
    pub(super) async fn open(kind: Arc<dyn Kind>) -> Result<Self> {
        let installation = Installation::init()?;
        let store = Arc::new(stored::open(&installation)?);
        let services = Services::new(Dialer, Arc::new(Administrator(kind.administrator())), Os::new());
        let identity = Identity {
            installation: store.installation().clone(),
            run: RunId::random(&mut *Os::new()),
            prefix: Prefix::default(),
        };
        let times = Arc::<Times>::default();
        let ports = Ports {
            clock: Arc::new(Machine),
            ledger: store.clone(),
            providers: Arc::new(Registry::new(&services)),
            tracer: times.clone(),
            entropy: Os::new(),
        };
        let engine = Engine::new(Settings::default(), identity, ports);
        engine.start().await?;
        let record = RecordName::parse("measured")?;
        let house = Arc::new(House { engine, kind: Arc::clone(&kind), prefix: Prefix::default(), record });
        Ok(Self { house, kind, times, store, _installation: installation })
    }

    /// Launches and removes with so many workers for a time. Returns how many sessions a second all did together.
    pub(super) async fn rate(&self, workers: usize, time: Duration) -> Result<f64> {
        drop(self.times.take());
        let start = Instant::now();
        let running: Vec<_> = (0..workers)
            .map(|worker| {
                let house = Arc::clone(&self.house);
                tokio::spawn(async move { house.work(worker, start + time).await })
            })
            .collect();
        let mut done = 0_u32;
        for one in running {
            done += one.await??;
        }
        Ok(f64::from(done) / start.elapsed().as_secs_f64())
    }

    /// How long each kind of step took in the last run, waiting included.
    pub(super) fn told(&self) -> String {
        let times = self.times.take();
        let told: Vec<_> = times.iter().map(|(step, took)| format!("{} {:.1}", step.as_str(), median(took))).collect();
        format!("p50 in ms: {}", told.join(", "))
    }

    /// Stops the engine and closes its store.
    pub(super) async fn close(self) -> Result<()> {
        self.house.engine.stop(STOP_LIMIT).await;
        tokio::task::spawn_blocking(move || self.store.close()).await?;
        Ok(())
    }
}

impl House {
    /// Launches a session, says that a connection has reached the target, ends it, and waits until its account is seen to be gone; again
    /// and again.
    async fn work(&self, worker: usize, until: Instant) -> Result<u32> {
        let permit = self.permit(&format!("person{worker}"))?;
        let mut done = 0;
        while Instant::now() < until {
            let connection = ConnectionId::random(&mut *Os::new());
            let joined = self.engine.join(Arc::clone(&permit), connection, |mark| self.order(mark)).await;
            let joined = joined.map_err(|failure| anyhow::anyhow!("a launch: {failure}"))?;
            joined.seat.started(None).await.map_err(|failure| anyhow::anyhow!("a start: {failure}"))?;
            let closed = self.engine.end(&joined.session, EndReason::Terminated, "benchmark", None);
            drop(joined);
            match closed.context("a session that runs")?.await? {
                Closing::Clean => done += 1,
                Closing::Outstanding => bail!("something of a session could not be taken away at once"),
            }
        }
        ensure!(done > 0, "no session came to its end in time");
        Ok(done)
    }

    fn permit(&self, person: &str) -> Result<Arc<Authorised>> {
        let (person, may_launch) = (PersonName::parse(person)?, [self.record.clone()]);
        let facts = PersonFacts { name: &person, disabled: false, may_launch: &may_launch };
        let record = RecordFacts { name: &self.record, duration: DURATION };
        let permit = authorise(facts, record, &[], WallTime::from_micros(0));
        Ok(Arc::new(permit.map_err(|denied| anyhow::anyhow!("nobody may open it: {denied:?}"))?))
    }

    fn order(&self, mark: &Mark) -> Order {
        let place = self.kind.place();
        let name = AccountName::random(&self.prefix, &mut *Os::new());
        let destination = place.destination.clone();
        let wish = Wish {
            provider: self.kind.provider().to_owned(),
            place,
            account: AccountWish::Create { name, mark: mark.clone() },
            elevate: Some(self.kind.group().to_owned()),
            exclusive: true,
            end_other_sessions: true,
            settings: serde_json::Value::Null,
        };
        Order { upon: Vec::new(), wish, destination, linger: Duration::ZERO, asked: Moment::now(&Machine) }
    }
}
