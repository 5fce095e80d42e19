//! A ledger in memory that keeps the port's rules to the letter. It survives the death of the process that writes to it.

use crate::books::Books;
use crate::faults::{CommitFate, Faults};
use async_trait::async_trait;
use mayfly_domain::{
    AccountName, ChangeId, ChangeKind, ChangeState, Endpoint, RunId, SessionId, SessionState, TargetId, WallTime,
};
use mayfly_engine::ports::ledger::{ChangeRow, Entry, Footprint, Held, Ledger, LedgerError, SessionRow, WriteOff};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

/// The ledger.
pub struct MemoryLedger {
    books: Mutex<Books>,
    faults: Arc<Faults>,
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
        self.books.lock().unwrap().enter(entry)
    }

    /// Reads what it holds, without a copy of everything.
    pub fn read<T>(&self, read: impl FnOnce(&Books) -> T) -> T {
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

    async fn highest_native_id(
        &self,
        target: &TargetId,
        range: &RangeInclusive<u32>,
    ) -> Result<Option<u32>, LedgerError> {
        Ok(self.read(|books| {
            let ours = books.changes.values().filter(|row| row.kind == ChangeKind::Account && row.target == *target);
            ours.filter_map(|row| row.native_id.as_ref()?.parse().ok()).filter(|id| range.contains(id)).max()
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

    async fn written_off(&self) -> Result<Vec<TargetId>, LedgerError> {
        Ok(self.read(|books| {
            let rows = books.changes.values().filter(|row| row.state == ChangeState::WrittenOff);
            rows.map(|row| row.target.clone()).collect::<BTreeSet<_>>().into_iter().collect()
        }))
    }

    async fn written_off_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError> {
        Ok(self.read(|books| {
            let rows = books.changes.values().filter(|row| row.state == ChangeState::WrittenOff);
            rows.filter(|row| row.target == *target).take(limit as usize).cloned().collect()
        }))
    }

    async fn write_offs(&self) -> Result<Vec<WriteOff>, LedgerError> {
        Ok(self.read(|books| books.write_offs.iter().rev().cloned().collect()))
    }

    async fn known_targets(&self) -> Result<Vec<(String, TargetId)>, LedgerError> {
        Ok(self.read(|books| books.known.clone().into_iter().collect()))
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
