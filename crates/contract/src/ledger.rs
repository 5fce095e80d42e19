//! A ledger in memory that keeps the port's rules to the letter. It survives the death of the process that writes to it.

use crate::faults::{CommitFate, Faults};
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{
    AccountName, ChangeId, ChangeKind, ChangeState, Endpoint, RunId, SessionId, SessionState, TargetId, WallTime,
};
use mayfly_engine::ports::ledger::{
    ChangeRow, Entry, Footprint, Held, HoldRow, Learnt, Ledger, LedgerError, SessionRow, Write,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What the ledger holds.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// All sessions.
    pub sessions: BTreeMap<SessionId, SessionRow>,
    /// All changes, ended ones too.
    pub changes: BTreeMap<ChangeId, ChangeRow>,
    /// The order in which changes were added.
    pub order: Vec<ChangeId>,
    /// All holds.
    pub holds: BTreeSet<HoldRow>,
    /// Which target answers at which endpoint.
    pub known: BTreeMap<String, TargetId>,
    /// The trail.
    pub events: Vec<Event>,
}

/// The ledger.
pub struct MemoryLedger {
    books: Mutex<Books>,
    faults: Arc<Faults>,
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), LedgerError> {
    if holds { Ok(()) } else { Err(LedgerError::Expectation(what())) }
}

impl Books {
    fn holders(&self, change: &ChangeId) -> Vec<SessionId> {
        self.holds.iter().filter(|hold| hold.change == *change).map(|hold| hold.session.clone()).collect()
    }

    fn belongs(&self, change: &ChangeRow, session: &SessionId) -> bool {
        match change.kind {
            ChangeKind::Membership => {
                self.holds.contains(&HoldRow { change: change.id.clone(), session: session.clone() })
            }
            ChangeKind::Account | ChangeKind::Companion | ChangeKind::Trace => change.session == *session,
        }
    }

    fn held(&self, change: &ChangeRow) -> Held {
        Held { change: change.clone(), holds: self.holders(&change.id) }
    }

    fn change(&mut self, id: &ChangeId, from: ChangeState) -> Result<&mut ChangeRow, LedgerError> {
        let row = self.changes.get_mut(id).ok_or_else(|| LedgerError::Expectation(format!("no change {id}")))?;
        expect(row.state == from, || format!("change {id} is {:?}, not {from:?}", row.state))?;
        Ok(row)
    }

    fn intend(&mut self, row: ChangeRow) -> Result<(), LedgerError> {
        expect(!self.changes.contains_key(&row.id), || format!("change {} exists", row.id))?;
        let present = row.state == ChangeState::Present && row.kind == ChangeKind::Membership && row.prior;
        expect(row.state == ChangeState::Intended || present, || format!("a change starts {:?}", row.state))?;
        let taken = self.changes.values().any(|other| {
            row.kind == ChangeKind::Membership
                && other.kind == ChangeKind::Membership
                && other.state.is_unfinished()
                && (&other.target, &other.account, &other.group) == (&row.target, &row.account, &row.group)
        });
        expect(!taken, || "the membership is there already".to_owned())?;
        self.order.push(row.id.clone());
        self.changes.insert(row.id.clone(), row);
        Ok(())
    }

    fn move_session(
        &mut self,
        id: &SessionId,
        from: SessionState,
        to: SessionState,
        at: WallTime,
    ) -> Result<&mut SessionRow, LedgerError> {
        let row = self.sessions.get_mut(id).ok_or_else(|| LedgerError::Expectation(format!("no session {id}")))?;
        expect(row.state == from && from.may_become(to), || format!("session {id} is {:?}, not {from:?}", row.state))?;
        row.state = to;
        row.since = at;
        Ok(row)
    }

    /// Does one write.
    fn write(&mut self, write: Write) -> Result<(), LedgerError> {
        match write {
            Write::OpenSession(row) => {
                expect(!self.sessions.contains_key(&row.id), || format!("session {} exists", row.id))?;
                self.sessions.insert(row.id.clone(), row);
            }
            Write::MoveSession { id, from, to, at, reason } => {
                let row = self.move_session(&id, from, to, at)?;
                row.end_reason = reason.or(row.end_reason);
            }
            Write::Intend(row) => self.intend(*row)?,
            Write::Move { id, from, to, at, next_try, learnt } => {
                let row = self.change(&id, from)?;
                expect(from.may_become(to) && to.is_unfinished(), || format!("{from:?} does not become {to:?}"))?;
                row.state = to;
                row.since = at;
                row.next_try = next_try;
                row.tries = 0;
                row.failure = None;
                learn(row, learnt);
            }
            Write::Conclude { id, at, ending } => {
                let row = self.change(&id, ChangeState::Withdrawing)?;
                row.state = ending.state();
                row.since = at;
                row.next_try = None;
            }
            Write::Learn { id, learnt } => learn(self.change(&id, ChangeState::Withdrawing)?, learnt),
            Write::Postpone { id, next_try, tries, failure, learnt } => {
                let row = self.change(&id, ChangeState::Withdrawing)?;
                row.next_try = Some(next_try);
                row.tries = tries;
                row.failure = failure;
                learn(row, learnt);
            }
            Write::Hold(hold) => {
                expect(self.changes.contains_key(&hold.change), || format!("no change {}", hold.change))?;
                expect(self.holds.insert(hold), || "the hold is there already".to_owned())?;
            }
            Write::Release(hold) => drop(self.holds.remove(&hold)),
            Write::Know { endpoint, target: Some(target) } => drop(self.known.insert(endpoint.to_string(), target)),
            Write::Know { endpoint, target: None } => drop(self.known.remove(&endpoint.to_string())),
        }
        Ok(())
    }
}

fn learn(row: &mut ChangeRow, learnt: Learnt) {
    row.confirmed = learnt.confirmed.unwrap_or(row.confirmed);
    row.native_id = learnt.native_id.or(row.native_id.take());
    row.prior = learnt.prior.unwrap_or(row.prior);
    row.last_moment = learnt.last_moment.unwrap_or(row.last_moment);
    row.can_log_in = learnt.can_log_in.or(row.can_log_in);
}

impl MemoryLedger {
    /// An empty ledger.
    pub fn new(faults: Arc<Faults>) -> Self {
        Self { books: Mutex::default(), faults }
    }

    /// A copy of everything it holds.
    pub fn books(&self) -> Books {
        self.books.lock().unwrap().clone()
    }

    fn apply(&self, entry: Entry) -> Result<(), LedgerError> {
        let mut books = self.books.lock().unwrap();
        let mut next = books.clone();
        for write in entry.writes {
            next.write(write)?;
        }
        next.events.extend(entry.events);
        *books = next;
        Ok(())
    }

    fn read<T>(&self, read: impl FnOnce(&Books) -> T) -> T {
        read(&self.books.lock().unwrap())
    }
}

fn withdrawing<'a>(books: &'a Books, except: &[TargetId]) -> Vec<&'a ChangeRow> {
    let mut rows: Vec<&ChangeRow> = books
        .changes
        .values()
        .filter(|row| row.state == ChangeState::Withdrawing && !except.contains(&row.target))
        .collect();
    rows.sort_by_key(|row| (row.next_try, row.id.clone()));
    rows
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn commit(&self, entry: Entry) -> Result<(), LedgerError> {
        self.faults.step("before commit").await;
        let fate = self.faults.commit_fate();
        if fate == CommitFate::Refused {
            return Err(LedgerError::Unavailable("injected: not written".to_owned()));
        }
        let result = self.apply(entry);
        self.faults.step("after commit").await;
        if fate == CommitFate::WrittenButRefused {
            return Err(LedgerError::Unavailable("injected: written or not is unknown".to_owned()));
        }
        result
    }

    async fn footprint(&self, session: &SessionId) -> Result<Option<Footprint>, LedgerError> {
        Ok(self.read(|books| {
            let row = books.sessions.get(session)?.clone();
            let changes = books.order.iter().filter_map(|id| books.changes.get(id));
            let changes = changes.filter(|change| books.belongs(change, session)).cloned().collect();
            Some(Footprint { session: row, changes })
        }))
    }

    async fn change(&self, id: &ChangeId) -> Result<Option<Held>, LedgerError> {
        Ok(self.read(|books| books.changes.get(id).map(|change| books.held(change))))
    }

    async fn membership(
        &self,
        target: &TargetId,
        account: &AccountName,
        group: &str,
    ) -> Result<Option<Held>, LedgerError> {
        Ok(self.read(|books| {
            let found = books.changes.values().find(|row| {
                row.kind == ChangeKind::Membership
                    && row.state.is_unfinished()
                    && (&row.target, &row.account, row.group.as_deref()) == (target, account, Some(group))
            });
            found.map(|change| books.held(change))
        }))
    }

    async fn known_target(&self, endpoint: &Endpoint) -> Result<Option<TargetId>, LedgerError> {
        Ok(self.read(|books| books.known.get(&endpoint.to_string()).cloned()))
    }

    async fn sessions_of_other_runs(
        &self,
        run: &RunId,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRow>, LedgerError> {
        self.faults.step("read sessions of other runs").await;
        Ok(self.read(|books| {
            let rows = books.sessions.values().filter(|row| row.state != SessionState::Ended && row.run != *run);
            rows.filter(|row| after.is_none_or(|after| row.id > *after)).take(limit as usize).cloned().collect()
        }))
    }

    async fn due(&self, now: WallTime, limit: u32, except: &[TargetId]) -> Result<Vec<ChangeRow>, LedgerError> {
        Ok(self.read(|books| {
            let rows = withdrawing(books, except).into_iter().filter(|row| row.next_try.is_some_and(|at| at <= now));
            rows.take(limit as usize).cloned().collect()
        }))
    }

    async fn next_due(&self, except: &[TargetId]) -> Result<Option<WallTime>, LedgerError> {
        Ok(self.read(|books| withdrawing(books, except).iter().filter_map(|row| row.next_try).min()))
    }

    async fn owed_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError> {
        Ok(self.read(|books| {
            let rows = withdrawing(books, &[]).into_iter().filter(|row| row.target == *target);
            rows.take(limit as usize).cloned().collect()
        }))
    }

    async fn closable_sessions(&self, limit: u32) -> Result<Vec<SessionRow>, LedgerError> {
        Ok(self.read(|books| {
            let open = |session: &SessionRow| {
                books.changes.values().any(|row| row.state.is_unfinished() && books.belongs(row, &session.id))
            };
            let rows = books.sessions.values().filter(|row| row.state == SessionState::Ending && !open(row));
            rows.take(limit as usize).cloned().collect()
        }))
    }

    async fn open_sessions(&self, after: Option<&SessionId>, limit: u32) -> Result<Vec<SessionRow>, LedgerError> {
        Ok(self.read(|books| {
            let rows = books.sessions.values().filter(|row| row.state != SessionState::Ended);
            rows.filter(|row| after.is_none_or(|after| row.id > *after)).take(limit as usize).cloned().collect()
        }))
    }

    async fn outstanding(&self, after: Option<&ChangeId>, limit: u32) -> Result<Vec<Held>, LedgerError> {
        Ok(self.read(|books| {
            let rows = books.changes.values().filter(|row| {
                matches!(row.state, ChangeState::Withdrawing | ChangeState::Kept | ChangeState::WrittenOff)
            });
            let rows = rows.filter(|row| after.is_none_or(|after| row.id > *after)).take(limit as usize);
            rows.map(|row| books.held(row)).collect()
        }))
    }
}
