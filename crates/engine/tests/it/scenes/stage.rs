//! What every scene starts from: a world with a script in it, and people who want something.

use super::script::Script;
use crate::world::{Client, LINGER, Process, World, permit, record};
use mayfly_contract::entropy::Seeded;
use mayfly_contract::faults::Faults;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{
    AccountName, ChangeKind, ConnectionId, CredentialRef, Destination, Endpoint, Failure, FailureClass, Mark, Place,
    SessionId, Trust,
};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{AccountWish, Wish};
use mayfly_engine::ports::trace::Moment;
use mayfly_engine::{Joined, Order};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A world with a script in it.
pub(crate) fn stage() -> (World, Arc<Script>) {
    let mut world = World::new(7, Faults::default());
    let script = Arc::new(Script::default());
    world.script = Some(Arc::clone(&script));
    (world, script)
}

/// A person and what they open.
#[derive(Clone, Copy)]
pub(crate) struct Want {
    pub(crate) person: &'static str,
    pub(crate) record: &'static str,
    pub(crate) host: &'static str,
    /// An account that exists; none: one is made.
    pub(crate) account: Option<&'static str>,
    pub(crate) group: Option<&'static str>,
    pub(crate) exclusive: bool,
    pub(crate) end_other_sessions: bool,
    /// Another host on which the same is wanted before.
    pub(crate) upon: Option<&'static str>,
}

impl Want {
    /// An account made for the session.
    pub(crate) const fn made(person: &'static str) -> Self {
        let (account, group) = (None, None);
        Self {
            person,
            record: "made",
            host: "one",
            account,
            group,
            exclusive: true,
            end_other_sessions: true,
            upon: None,
        }
    }

    /// An existing account lifted into `ops`, which others may hold too.
    pub(crate) const fn lift(person: &'static str, account: &'static str) -> Self {
        let (account, group) = (Some(account), Some("ops"));
        Self {
            person,
            record: "lifted",
            host: "one",
            account,
            group,
            exclusive: false,
            end_other_sessions: true,
            upon: None,
        }
    }

    /// The same on another host.
    pub(crate) const fn at(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    fn order(self, mark: &Mark, asked: Moment) -> Order {
        let account = match self.account {
            Some(name) => AccountWish::Existing { name: AccountName::existing(name) },
            None => AccountWish::Create {
                name: AccountName::existing(&format!("keeper_{}", &mark.session.as_str()[4..17])),
                mark: mark.clone(),
            },
        };
        let destination =
            |host: &str| Destination { endpoint: Endpoint { host: host.to_owned(), port: 1 }, trust: Trust::Plaintext };
        let wish = |host| Wish {
            provider: "fake".to_owned(),
            place: Place { destination: destination(host), credential: CredentialRef { record: record("admin") } },
            account: account.clone(),
            elevate: self.group.map(str::to_owned),
            exclusive: self.exclusive,
            end_other_sessions: self.end_other_sessions,
            settings: serde_json::Value::Null,
        };
        let upon = self.upon.map(wish).into_iter().collect();
        Order { upon, wish: wish(self.host), destination: destination(self.host), linger: LINGER, asked }
    }

    /// Joins or launches.
    pub(crate) async fn join(self, process: &Process) -> Result<Joined, Failure> {
        static NEXT: AtomicU64 = AtomicU64::new(1_000);
        let connection = ConnectionId::random(&mut Seeded::new(NEXT.fetch_add(1, Ordering::Relaxed)));
        let asked = Moment::now(&*process.clock);
        process.engine.join(permit(self.person, self.record), connection, |mark| self.order(mark, asked)).await
    }

    /// Joins, logs in to the target and reports it.
    pub(crate) async fn connect(self, process: &Process) -> Result<Client, Failure> {
        let joined = self.join(process).await?;
        let target = Arc::clone(&process.targets[self.host]);
        let refused = || Failure::new(FailureClass::Conflict, "the target refused the log-in");
        let native = target.log_in(joined.account.as_str(), 0).ok_or_else(refused)?;
        if let Err(failure) = joined.seat.started(Some(native.to_string())).await {
            target.log_out(native);
            return Err(failure);
        }
        Ok(Client { joined, native, target })
    }
}

impl World {
    /// The one change of a session.
    pub(crate) fn change_of(&self, session: &SessionId) -> ChangeRow {
        let books = self.ledger.books();
        let mut rows = books.changes.values().filter(|row| row.session == *session);
        rows.next().unwrap().clone()
    }

    /// The one unfinished or ended membership of an account.
    pub(crate) fn membership_of(&self, account: &str) -> ChangeRow {
        let books = self.ledger.books();
        let rows = books.order.iter().rev().filter_map(|id| books.changes.get(id));
        let mut rows = rows.filter(|row| row.kind == ChangeKind::Membership && row.account.as_str() == account);
        rows.next().unwrap().clone()
    }

    /// The events of one kind.
    pub(crate) fn events(&self, kind: EventKind) -> Vec<Event> {
        self.ledger.books().events.into_iter().filter(|event| event.kind == kind).collect()
    }

    /// Waits until nothing is left, for at most so many virtual seconds.
    pub(crate) async fn cleaned(&self, process: &Process, seconds: u64) {
        for _ in 0..seconds * 10 {
            if self.is_over() {
                return;
            }
            process.sleep(Duration::from_millis(100)).await;
        }
        self.assert_clean(&self.leftovers());
    }
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
