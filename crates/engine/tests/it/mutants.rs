//! The test of the test: wrong orders put in on purpose, each of which the simulation has to notice.

use crate::simulation;
use crate::world::Mutation;
use async_trait::async_trait;
use mayfly_contract::ledger::MemoryLedger;
use mayfly_domain::{AccountName, ChangeId, Endpoint, Failure, RunId, SessionId, TargetId, WallTime};
use mayfly_engine::ports::ledger::{
    ChangeRow, Entry, Footprint, Held, Ledger, LedgerError, SessionRow, Write, WriteOff,
};
use mayfly_engine::ports::provider::{
    CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Presence, Provider, Sight, Survey, SurveyStep,
};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a ledger is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Intents are confirmed at once and written only with the next entry: the target is changed before.
    ActsBeforeIntent,
    /// Sessions of earlier runs are not found at a restart.
    ForgetsAtRestart,
}

struct WrongLedger {
    inner: Arc<MemoryLedger>,
    wrong: Wrong,
    held_back: Mutex<Vec<Entry>>,
}

#[async_trait]
impl Ledger for WrongLedger {
    async fn commit(&self, entry: Entry) -> Result<(), LedgerError> {
        let intent = entry.writes.iter().any(|write| matches!(write, Write::Intend(_)));
        if self.wrong == Wrong::ActsBeforeIntent && intent {
            self.held_back.lock().unwrap().push(entry);
            return Ok(());
        }
        let held_back = std::mem::take(&mut *self.held_back.lock().unwrap());
        for entry in held_back {
            self.inner.commit(entry).await?;
        }
        self.inner.commit(entry).await
    }
    async fn footprint(&self, session: &SessionId) -> Result<Option<Footprint>, LedgerError> {
        self.inner.footprint(session).await
    }
    async fn change(&self, id: &ChangeId) -> Result<Option<Held>, LedgerError> {
        self.inner.change(id).await
    }
    async fn membership(&self, t: &TargetId, a: &AccountName, g: &str) -> Result<Option<Held>, LedgerError> {
        self.inner.membership(t, a, g).await
    }
    async fn highest_native_id(&self, t: &TargetId, range: &RangeInclusive<u32>) -> Result<Option<u32>, LedgerError> {
        self.inner.highest_native_id(t, range).await
    }
    async fn known_target(&self, endpoint: &Endpoint) -> Result<Option<TargetId>, LedgerError> {
        self.inner.known_target(endpoint).await
    }
    async fn sessions_of_other_runs(
        &self,
        run: &RunId,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRow>, LedgerError> {
        match self.wrong {
            Wrong::ForgetsAtRestart => Ok(Vec::new()),
            Wrong::ActsBeforeIntent => self.inner.sessions_of_other_runs(run, after, limit).await,
        }
    }
    async fn due(&self, now: WallTime, limit: u32, except: &[TargetId]) -> Result<Vec<ChangeRow>, LedgerError> {
        self.inner.due(now, limit, except).await
    }
    async fn next_due(&self, except: &[TargetId]) -> Result<Option<WallTime>, LedgerError> {
        self.inner.next_due(except).await
    }
    async fn owed_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError> {
        self.inner.owed_on(target, limit).await
    }
    async fn written_off(&self) -> Result<Vec<TargetId>, LedgerError> {
        self.inner.written_off().await
    }
    async fn written_off_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError> {
        self.inner.written_off_on(target, limit).await
    }
    async fn write_offs(&self) -> Result<Vec<WriteOff>, LedgerError> {
        self.inner.write_offs().await
    }
    async fn known_targets(&self) -> Result<Vec<(String, TargetId)>, LedgerError> {
        self.inner.known_targets().await
    }
    async fn closable_sessions(&self, limit: u32) -> Result<Vec<SessionRow>, LedgerError> {
        self.inner.closable_sessions(limit).await
    }
    async fn open_sessions(&self, after: Option<&SessionId>, limit: u32) -> Result<Vec<SessionRow>, LedgerError> {
        self.inner.open_sessions(after, limit).await
    }
    async fn outstanding(&self, after: Option<&ChangeId>, limit: u32) -> Result<Vec<Held>, LedgerError> {
        self.inner.outstanding(after, limit).await
    }
}

/// A provider that lies in one way.
struct Liar {
    inner: Arc<dyn Provider>,
    lie: Lie,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// What was there before us is taken for ours.
    NothingWasThere,
    /// Every look sees what is hoped for.
    GoneWithoutLooking,
    /// Sessions are said to be ended and are not.
    SessionsEnded,
}

#[async_trait]
impl Provider for Liar {
    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>> {
        let mut surveys = self.inner.survey(steps).await;
        if self.lie == Lie::NothingWasThere {
            let changes = surveys.iter_mut().flatten().flat_map(|survey| &mut survey.changes);
            changes.for_each(|change| change.prior = false);
        }
        surveys
    }
    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        let opened = self.inner.open(steps).await;
        match self.lie {
            Lie::NothingWasThere => {
                opened.into_iter().map(|one| one.map(|opened| Opened { added: true, ..opened })).collect()
            }
            Lie::GoneWithoutLooking | Lie::SessionsEnded => opened,
        }
    }
    async fn look(&self, steps: Vec<LookStep>) -> Vec<Result<Sight, Failure>> {
        let seen = self.inner.look(steps).await;
        let lie = |sight: Sight| match self.lie {
            Lie::GoneWithoutLooking => Sight {
                presence: Presence::Absent,
                sessions: 0,
                target_now: sight.target_now.plus(Duration::from_secs(60)),
                ..sight
            },
            Lie::SessionsEnded => Sight { sessions: 0, ..sight },
            Lie::NothingWasThere => sight,
        };
        seen.into_iter().map(|one| one.map(lie)).collect()
    }
    async fn close(&self, verb: CloseVerb, steps: Vec<CloseStep>) -> Vec<Result<Closed, Failure>> {
        if self.lie == Lie::SessionsEnded && verb == CloseVerb::EndSessions {
            return steps.iter().map(|_| Ok(Closed::default())).collect();
        }
        self.inner.close(verb, steps).await
    }
}

/// Runs seeds until one is found wrong.
fn is_noticed(mutation: &Mutation) -> bool {
    (0..60).any(|seed| !simulation::run(seed, mutation.clone()).1.is_empty())
}

fn with_ledger(wrap: fn(Arc<MemoryLedger>) -> Arc<dyn Ledger>) -> Mutation {
    Mutation { ledger: Some(wrap), provider: None }
}

fn with_provider(wrap: fn(Arc<dyn Provider>) -> Arc<dyn Provider>) -> Mutation {
    Mutation { ledger: None, provider: Some(wrap) }
}

#[test]
fn acting_before_the_intent_is_noticed() {
    assert!(is_noticed(&with_ledger(|inner| {
        Arc::new(WrongLedger { inner, wrong: Wrong::ActsBeforeIntent, held_back: Mutex::default() })
    })));
}

#[test]
fn forgetting_at_a_restart_is_noticed() {
    assert!(is_noticed(&with_ledger(|inner| {
        Arc::new(WrongLedger { inner, wrong: Wrong::ForgetsAtRestart, held_back: Mutex::default() })
    })));
}

#[test]
fn removing_a_membership_that_was_there_before_is_noticed() {
    assert!(is_noticed(&with_provider(|inner| Arc::new(Liar { inner, lie: Lie::NothingWasThere }))));
}

#[test]
fn believing_without_looking_is_noticed() {
    assert!(is_noticed(&with_provider(|inner| Arc::new(Liar { inner, lie: Lie::GoneWithoutLooking }))));
}

#[test]
fn leaving_somebody_in_is_noticed() {
    assert!(is_noticed(&with_provider(|inner| Arc::new(Liar { inner, lie: Lie::SessionsEnded }))));
}
