//! A simulated world: targets, a ledger and a clock that outlive the server's process, the records that people open, and
//! the people.

use crate::scenes::script::Script;
use mayfly_contract::clock::SimClock;
use mayfly_contract::entropy::Seeded;
use mayfly_contract::faults::Faults;
use mayfly_contract::ledger::MemoryLedger;
use mayfly_contract::provider::{FakeProvider, OneProvider};
use mayfly_contract::target::{FakeTarget, Snapshot};
use mayfly_contract::tracer::KeptSpans;
use mayfly_domain::audit::EventKind;
use mayfly_domain::authorise::{PersonFacts, RecordFacts, authorise};
use mayfly_domain::{
    AccountName, Authorised, ChangeKind, ChangeState, ConnectionId, CredentialRef, Destination, EndReason, Endpoint,
    Failure, InstallationId, PersonName, Place, Prefix, RecordName, RunId, SessionState, Trust,
};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::Ledger;
use mayfly_engine::ports::provider::{AccountWish, Provider, Wish};
use mayfly_engine::ports::trace::{Moment, Tracer};
use mayfly_engine::{Engine, Identity, Joined, Order, Ports, Settings};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long a session of every record lasts.
pub(crate) const DURATION: Duration = Duration::from_secs(120);
/// How long a session waits for another connection.
pub(crate) const LINGER: Duration = Duration::from_secs(5);

type Known = (&'static str, &'static str, Option<&'static str>, Option<&'static str>, bool);
type WrapLedger = fn(Arc<MemoryLedger>) -> Arc<dyn Ledger>;
type WrapProvider = fn(Arc<dyn Provider>) -> Arc<dyn Provider>;

/// The records: name, host, account (none: made for the session), group, exclusive.
pub(crate) const RECORDS: [Known; 9] = [
    ("plain", "one", None, None, true),
    ("lifted", "one", None, Some("ops"), true),
    ("deploy-a", "one", Some("deploy"), Some("ops"), false),
    ("deploy-b", "one", Some("deploy"), Some("ops"), false),
    ("deploy-alone", "one", Some("alone"), Some("ops"), true),
    ("dba", "one", Some("dba"), Some("ops"), false),
    ("far", "two", None, Some("ops"), true),
    ("spread", "one", None, Some("ops"), true),
    ("spread-lift", "one", Some("deploy"), Some("ops"), false),
];

/// What of the world a test may replace to see whether the tests notice.
#[derive(Clone, Default)]
pub(crate) struct Mutation {
    /// Wraps the ledger that the engine sees.
    pub(crate) ledger: Option<WrapLedger>,
    /// Wraps the provider that the engine sees.
    pub(crate) provider: Option<WrapProvider>,
}

pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) spans: Arc<KeptSpans>,
    pub(crate) targets: BTreeMap<String, Arc<FakeTarget>>,
    pub(crate) before: BTreeMap<String, Snapshot>,
    pub(crate) seed: u64,
    pub(crate) twice: bool,
    pub(crate) mutation: Mutation,
    pub(crate) settings: Settings,
    /// Stands between the engine and the targets in a scripted scene.
    pub(crate) script: Option<Arc<Script>>,
    lives: std::cell::Cell<u64>,
}

pub(crate) fn record(name: &str) -> RecordName {
    RecordName::parse(name).unwrap()
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let clock = Arc::new(SimClock::default());
        let faults = Arc::new(faults);
        let ledger = Arc::new(MemoryLedger::new(Arc::clone(&faults)));
        let mut targets = BTreeMap::new();
        for (host, skew) in [("one", 2_000_000), ("two", -3_000_000)] {
            let target = Arc::new(FakeTarget::new(host, Arc::clone(&clock), skew));
            for account in ["deploy", "alone", "dba"] {
                target.add_account(account);
                // Somebody works as each of them already and must not notice anything.
                let an_hour_ago = target.now().minus(Duration::from_secs(3600));
                assert!(target.log_in_at(account, an_hour_ago, 0).is_some());
            }
            target.add_group("ops", &["dba"]);
            targets.insert(host.to_owned(), target);
        }
        let before = targets.iter().map(|(host, target)| (host.clone(), target.snapshot())).collect();
        let lives = std::cell::Cell::new(0);
        Self {
            clock,
            faults,
            ledger,
            spans: Arc::default(),
            targets,
            before,
            seed,
            twice: false,
            mutation: Mutation::default(),
            settings: Settings::default(),
            script: None,
            lives,
        }
    }

    /// Runs one life of the server's process; it ends when `life` does or when the process is killed. True when it was.
    pub(crate) fn live<F: Future<Output = ()>>(&self, life: impl FnOnce(Process) -> F) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        self.faults.restart();
        let killed = runtime.block_on(async {
            self.clock.attach();
            let process = self.process();
            let killed = tokio::select! {
                biased;
                () = self.faults.crashed() => true,
                () = life(process) => false,
            };
            self.clock.detach();
            killed
        });
        // The client streams of a process that is gone are gone too, but a target may take its time to notice.
        drop(runtime);
        killed
    }

    fn process(&self) -> Process {
        self.lives.set(self.lives.get() + 1);
        let mut entropy = Seeded::new(self.seed.wrapping_mul(1000).wrapping_add(self.lives.get()));
        let identity = Identity {
            installation: InstallationId::parse("ins_0000000000000000").unwrap(),
            run: RunId::random(&mut entropy),
            prefix: Prefix::default(),
        };
        let mut provider = FakeProvider::new(self.targets.clone(), Arc::clone(&self.faults));
        provider.twice = self.twice;
        let provider: Arc<dyn Provider> = Arc::new(provider);
        let provider = self.mutation.provider.map_or_else(|| Arc::clone(&provider), |wrap| wrap(Arc::clone(&provider)));
        let provider = match &self.script {
            Some(script) => script.over(provider, &self.targets),
            None => provider,
        };
        let ledger: Arc<dyn Ledger> = match self.mutation.ledger {
            Some(wrap) => wrap(Arc::clone(&self.ledger)),
            None => Arc::clone(&self.ledger) as Arc<dyn Ledger>,
        };
        let ports = Ports {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ledger,
            providers: Arc::new(OneProvider(provider)),
            tracer: Arc::clone(&self.spans) as Arc<dyn Tracer>,
            entropy: Box::new(entropy),
        };
        let engine = Arc::new(Engine::new(self.settings.clone(), identity, ports));
        Process { engine, clock: Arc::clone(&self.clock), targets: self.targets.clone() }
    }

    /// What is wrong with the world now, whatever is under way: an account of ours that no unfinished change answers for,
    /// or a change said to be gone that is there.
    pub(crate) fn invariants(&self) -> Vec<String> {
        let books = self.ledger.books();
        let mut wrong = Vec::new();
        for (host, target) in &self.targets {
            wrong.extend(target.violations());
            let now = target.snapshot();
            for (name, account) in &now.accounts {
                let answered = books.changes.values().any(|change| {
                    change.kind == ChangeKind::Account
                        && change.account.as_str() == name
                        && change.target == *target.id()
                        && change.state.is_unfinished()
                });
                if account.mark.is_some() && !answered {
                    wrong.push(format!("{host}: account {name} is there and no unfinished change answers for it"));
                }
            }
            for (key, before) in &self.before[host].memberships {
                if now.memberships.get(key) != Some(before) {
                    wrong.push(format!("{host}: membership {key:?} was there before and is not any more"));
                }
            }
            for (name, before) in &self.before[host].accounts {
                if now.accounts.get(name) != Some(before) {
                    wrong.push(format!("{host}: account {name} is not as it was"));
                }
            }
        }
        wrong
    }

    /// Whether everything is over. Cheap while it is not, for those who wait for it.
    pub(crate) fn is_over(&self) -> bool {
        let changed = self.targets.iter().filter(|(host, target)| !target.is(&self.before[*host])).count();
        let ended = self.ledger.read(|books| {
            books.holds.is_empty()
                && books.sessions.values().all(|session| session.state == SessionState::Ended)
                && books.changes.values().all(|change| !change.state.is_unfinished())
        });
        changed == 0 && ended && self.leftovers().is_empty()
    }

    /// What is wrong once everything should be over.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let mut wrong = self.invariants();
        wrong.extend(self.spans.wrong());
        for (host, target) in &self.targets {
            let (now, before) = (target.snapshot(), &self.before[host]);
            if now != *before {
                wrong.push(format!("{host} is not as it was:\n  now    {now:?}\n  before {before:?}"));
            }
        }
        let books = self.ledger.books();
        for session in books.sessions.values().filter(|session| session.state != SessionState::Ended) {
            wrong.push(format!("session {} is {:?}", session.id, session.state));
        }
        for change in books.changes.values() {
            if change.state.is_unfinished() {
                wrong.push(format!(
                    "change {} of {} is {:?}: {:?}",
                    change.id, change.account, change.state, change.failure
                ));
            }
            let removed = books
                .events
                .iter()
                .any(|event| event.change.as_ref() == Some(&change.id) && event.kind == EventKind::AccountRemoved);
            if change.kind == ChangeKind::Account && change.state == ChangeState::Absent && !removed {
                wrong.push(format!("the trail does not say that {} was removed", change.account));
            }
        }
        if !books.holds.is_empty() {
            wrong.push(format!("holds are left: {:?}", books.holds));
        }
        wrong
    }

    /// What is wrong, with the seed and the last steps; `None` when nothing is.
    pub(crate) fn report(&self, wrong: &[String]) -> Option<String> {
        let trace = self.faults.trace();
        let tail = &trace[trace.len().saturating_sub(60)..];
        let text = || format!("MAYFLY_SEED={}: {}\nlast steps: {tail:?}", self.seed, wrong.join("\n"));
        (!wrong.is_empty()).then(text)
    }

    /// Panics with the seed and the last steps when something is wrong.
    pub(crate) fn assert_clean(&self, wrong: &[String]) {
        if let Some(report) = self.report(wrong) {
            panic!("{report}");
        }
    }
}

/// One life of the server.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) targets: BTreeMap<String, Arc<FakeTarget>>,
}

/// A client's connection that reached the target.
pub(crate) struct Client {
    pub(crate) joined: Joined,
    pub(crate) native: u64,
    pub(crate) target: Arc<FakeTarget>,
}

pub(crate) fn permit(person: &str, record_name: &str) -> Arc<Authorised> {
    let (person, name) = (PersonName::parse(person).unwrap(), record(record_name));
    let facts = PersonFacts { name: &person, disabled: false, may_launch: std::slice::from_ref(&name) };
    let record = RecordFacts { name: &name, duration: DURATION };
    Arc::new(authorise(facts, record, &[], mayfly_domain::WallTime::from_micros(0)).unwrap())
}

impl Process {
    /// Starts the engine; `false` when the ledger could not be read.
    pub(crate) async fn start(&self) {
        while self.engine.start().await.is_err() {
            self.sleep(Duration::from_secs(1)).await;
        }
    }

    pub(crate) async fn sleep(&self, span: Duration) {
        self.clock.sleep_until(self.clock.boot().plus(span)).await;
    }

    /// Joins or launches, as the broker does.
    pub(crate) async fn join(&self, person: &str, record: &str, connection: u64) -> Result<Joined, Failure> {
        let (_, host, account, group, exclusive) = *RECORDS.iter().find(|known| known.0 == record).unwrap();
        let connection = ConnectionId::random(&mut Seeded::new(connection));
        let asked = Moment::now(&*self.clock);
        let order = |mark: &mayfly_domain::Mark| {
            let account = match account {
                Some(name) => AccountWish::Existing { name: AccountName::existing(name) },
                None => AccountWish::Create {
                    name: AccountName::existing(&format!("keeper_{}", &mark.session.as_str()[4..17])),
                    mark: mark.clone(),
                },
            };
            // These two change something on another target before, as a directory's account for a machine does.
            let upon = record.starts_with("spread").then(|| wish("two", account.clone(), group, exclusive));
            let wish = wish(host, account, group, exclusive);
            Order {
                upon: upon.into_iter().collect(),
                destination: wish.place.destination.clone(),
                wish,
                linger: LINGER,
                asked,
            }
        };
        self.engine.join(permit(person, record), connection, order).await
    }

    /// Joins, logs in to the target and reports it.
    pub(crate) async fn connect(&self, person: &str, record: &str, connection: u64) -> Result<Client, Failure> {
        let (_, host, ..) = *RECORDS.iter().find(|known| known.0 == record).unwrap();
        let joined = self.join(person, record, connection).await?;
        let target = Arc::clone(&self.targets[host]);
        let refused = || Failure::new(mayfly_domain::FailureClass::Conflict, "the target refused the log-in");
        let native = target.log_in(joined.account.as_str(), 0).ok_or_else(refused)?;
        if let Err(failure) = joined.seat.started(Some(native.to_string())).await {
            target.log_out(native);
            return Err(failure);
        }
        Ok(Client { joined, native, target })
    }
}

impl Client {
    /// Waits until the connection is cut, and says why.
    pub(crate) async fn cut(&mut self) -> EndReason {
        self.joined.cut.wait().await.reason
    }

    /// Leaves, as a client does that closes its connection.
    pub(crate) fn leave(self) {
        self.target.log_out(self.native);
    }
}

fn wish(host: &str, account: AccountWish, group: Option<&str>, exclusive: bool) -> Wish {
    Wish {
        provider: "fake".to_owned(),
        place: Place {
            destination: Destination { endpoint: Endpoint { host: host.to_owned(), port: 1 }, trust: Trust::Plaintext },
            credential: CredentialRef { record: record("admin") },
        },
        account,
        elevate: group.map(str::to_owned),
        exclusive,
        end_other_sessions: true,
        settings: serde_json::Value::Null,
    }
}
