//! The ledger port on SQLite: writes go to the writer thread, reads to the readers.

mod read;
mod rows;
mod write;

pub(crate) use read::not_over;
pub(crate) use rows::{parsed, session as session_row};

use crate::Store;
use async_trait::async_trait;
use mayfly_domain::{AccountName, ChangeId, Endpoint, RunId, SessionId, TargetId, WallTime};
use mayfly_engine::ports::ledger::{ChangeRow, Entry, Footprint, Held, Ledger, LedgerError, SessionRow, WriteOff};
use std::ops::RangeInclusive;

#[async_trait]
impl Ledger for Store {
    async fn commit(&self, entry: Entry) -> Result<(), LedgerError> {
        let Entry { writes, events } = entry;
        self.write(events, move |connection| write::apply(connection, writes)).await.map_err(LedgerError::from)
    }

    async fn footprint(&self, session: &SessionId) -> Result<Option<Footprint>, LedgerError> {
        let session = session.clone();
        self.read(move |connection| Ok(read::footprint(connection, &session)?)).await
    }

    async fn change(&self, id: &ChangeId) -> Result<Option<Held>, LedgerError> {
        let id = id.clone();
        self.read(move |connection| Ok(read::change(connection, &id)?)).await
    }

    async fn membership(
        &self,
        target: &TargetId,
        account: &AccountName,
        group: &str,
    ) -> Result<Option<Held>, LedgerError> {
        let (target, account, group) = (target.clone(), account.clone(), group.to_owned());
        self.read(move |connection| Ok(read::membership(connection, &target, &account, &group)?)).await
    }

    async fn highest_native_id(
        &self,
        target: &TargetId,
        range: &RangeInclusive<u32>,
    ) -> Result<Option<u32>, LedgerError> {
        let (target, range) = (target.clone(), range.clone());
        self.read(move |connection| Ok(read::highest_native_id(connection, &target, &range)?)).await
    }

    async fn known_target(&self, endpoint: &Endpoint) -> Result<Option<TargetId>, LedgerError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| Ok(read::known_target(connection, &endpoint)?)).await
    }

    async fn sessions_of_other_runs(
        &self,
        run: &RunId,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRow>, LedgerError> {
        let (run, after) = (run.clone(), after.cloned());
        self.read(move |connection| Ok(read::sessions_of_other_runs(connection, &run, after.as_ref(), limit)?)).await
    }

    async fn due(&self, now: WallTime, limit: u32, except: &[TargetId]) -> Result<Vec<ChangeRow>, LedgerError> {
        let except = read::list(except);
        self.read(move |connection| Ok(read::due(connection, now, limit, &except)?)).await
    }

    async fn next_due(&self, except: &[TargetId]) -> Result<Option<WallTime>, LedgerError> {
        let except = read::list(except);
        self.read(move |connection| Ok(read::next_due(connection, &except)?)).await
    }

    async fn owed_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError> {
        let target = target.clone();
        self.read(move |connection| Ok(read::owed_on(connection, &target, limit)?)).await
    }

    async fn written_off(&self) -> Result<Vec<TargetId>, LedgerError> {
        self.read(|connection| Ok(read::written_off(connection)?)).await
    }

    async fn written_off_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError> {
        let target = target.clone();
        self.read(move |connection| Ok(read::written_off_on(connection, &target, limit)?)).await
    }

    async fn write_offs(&self) -> Result<Vec<WriteOff>, LedgerError> {
        self.read(|connection| Ok(read::write_offs(connection)?)).await
    }

    async fn known_targets(&self) -> Result<Vec<(String, TargetId)>, LedgerError> {
        self.read(|connection| Ok(read::known_targets(connection)?)).await
    }

    async fn closable_sessions(&self, limit: u32) -> Result<Vec<SessionRow>, LedgerError> {
        self.read(move |connection| Ok(read::closable_sessions(connection, limit)?)).await
    }

    async fn open_sessions(&self, after: Option<&SessionId>, limit: u32) -> Result<Vec<SessionRow>, LedgerError> {
        let after = after.cloned();
        self.read(move |connection| Ok(read::open_sessions(connection, after.as_ref(), limit)?)).await
    }

    async fn outstanding(&self, after: Option<&ChangeId>, limit: u32) -> Result<Vec<Held>, LedgerError> {
        let after = after.cloned();
        self.read(move |connection| Ok(read::outstanding(connection, after.as_ref(), limit)?)).await
    }
}
