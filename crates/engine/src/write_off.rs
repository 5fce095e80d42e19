//! Targets that no longer exist: a named person writes them off, with a reason. What was owed there is listed for ever and
//! looked for again; if the target ever answers, it is taken up as if nothing had been written off.

use crate::context::Shared;
use crate::events::Happened;
use crate::ports::ledger::{ChangeRow, Entry, HoldRow, Learnt, LedgerError, Write, WriteOff};
use crate::ports::proof::{Ending, WrittenOffProof};
use crate::ports::provider::{LookStep, SessionScope};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{
    Administration, ChangeKind, ChangeState, Failure, FailureClass, Owed, Place, SessionState, TargetId,
};
use std::sync::Arc;

/// How many changes are read and written at a time.
const PAGE: u32 = 256;

/// Why a target is not written off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteOffRefusal {
    /// No reason was given.
    #[error("a target is written off with a reason only")]
    NoReason,
    /// Nothing is owed there.
    #[error("nothing is owed to this target, so there is nothing to write off")]
    NothingOwed,
    /// Sessions are open there as far as is known.
    #[error("sessions that are open on this target: {0}; end them first")]
    SessionsOpen(usize),
    /// The books.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Reads what earlier runs wrote off.
pub(crate) async fn load(shared: &Shared) -> Result<(), LedgerError> {
    shared.written_off.add(shared.ledger.written_off().await?);
    Ok(())
}

/// Writes off everything that is owed to a target. `seen` says what a look at its address ran into.
pub(crate) async fn write_off(
    shared: &Arc<Shared>,
    target: &TargetId,
    by: &Administration,
    reason: &str,
    seen: &str,
) -> Result<usize, WriteOffRefusal> {
    let proof = WrittenOffProof::from_person(by, reason).ok_or(WriteOffRefusal::NoReason)?;
    let open = open_sessions(shared, target).await?;
    if open > 0 {
        return Err(WriteOffRefusal::SessionsOpen(open));
    }
    let mut done = 0;
    loop {
        let owed = shared.ledger.owed_on(target, PAGE).await?;
        if owed.is_empty() {
            break;
        }
        let mut entry = Entry::default();
        if done == 0 {
            entry = noted(shared, target, &proof, seen);
        }
        for change in &owed {
            conclude(shared, change, &proof, &mut entry).await?;
        }
        shared.ledger.commit(entry).await?;
        done += owed.len();
    }
    if done == 0 {
        return Err(WriteOffRefusal::NothingOwed);
    }
    shared.written_off.add([target.clone()]);
    shared.wake.notify_one();
    Ok(done)
}

/// The note that stays for ever, and its event.
fn noted(shared: &Shared, target: &TargetId, proof: &WrittenOffProof, seen: &str) -> Entry {
    let row = WriteOff {
        target: target.clone(),
        by: proof.in_full().to_owned(),
        reason: proof.reason().to_owned(),
        at: shared.clock.wall(),
        returned: None,
    };
    let mut event =
        by_person(shared.event(EventKind::TargetWrittenOff), proof).with("by", proof.in_full()).with("seen", seen);
    event.target = Some(target.to_string());
    Entry { writes: vec![Write::WriteOff(row)], events: vec![event] }
}

fn by_person(mut event: Event, proof: &WrittenOffProof) -> Event {
    proof.by().clone_into(&mut event.actor);
    event.reason = Some(proof.reason().to_owned());
    event
}

async fn conclude(
    shared: &Shared,
    change: &ChangeRow,
    proof: &WrittenOffProof,
    entry: &mut Entry,
) -> Result<(), LedgerError> {
    let (id, at) = (change.id.clone(), shared.clock.wall());
    entry.writes.push(Write::Conclude { id: id.clone(), at, ending: Ending::WrittenOff(proof.clone()) });
    if change.kind == ChangeKind::Membership
        && let Some(held) = shared.ledger.change(&id).await?
    {
        let release = |session| Write::Release(HoldRow { change: id.clone(), session });
        entry.writes.extend(held.holds.into_iter().map(release));
    }
    let events = shared.happened(Happened::WrittenOff, change);
    entry.events.extend(events.into_iter().map(|event| by_person(event, proof)));
    Ok(())
}

/// How many sessions of a target are not on their way out.
async fn open_sessions(shared: &Shared, target: &TargetId) -> Result<usize, LedgerError> {
    let (mut after, mut open) = (None, 0);
    loop {
        let page = shared.ledger.open_sessions(after.as_ref(), PAGE).await?;
        let lasts = |state| matches!(state, SessionState::Launching | SessionState::Live);
        open += page.iter().filter(|session| session.target == *target && lasts(session.state)).count();
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.id.clone()),
            _ => return Ok(open),
        }
    }
}

/// Looks, where it is time, whether a target that was written off answers.
pub(crate) fn look_again(shared: &Arc<Shared>) {
    let now = shared.clock.boot();
    for target in shared.written_off.due(now, now.plus(shared.settings.written_off_look)) {
        let context = Arc::clone(shared);
        shared.tasks.spawn("look for what is written off", async move {
            match answers(&context, &target).await {
                Ok(true) => context.returned(&target),
                Ok(false) => {}
                Err(error) => tracing::warn!(target_id = %target, %error, "What is written off could not be read"),
            }
        });
    }
}

/// Whether the target answers at one of the places at which something of it is written off. A look changes nothing.
async fn answers(shared: &Shared, target: &TargetId) -> Result<bool, LedgerError> {
    let mut asked: Vec<Place> = Vec::new();
    for change in shared.ledger.written_off_on(target, PAGE).await? {
        if asked.contains(&change.place) {
            continue;
        }
        asked.push(change.place.clone());
        match look(shared, change).await {
            // A right that is missing is missing on the target itself.
            Ok(()) | Err(Failure { class: FailureClass::NotPermitted, .. }) => return Ok(true),
            Err(failure) => {
                tracing::debug!(target_id = %target, error = %failure, "A target that is written off does not answer");
            }
        }
    }
    Ok(false)
}

async fn look(shared: &Shared, change: ChangeRow) -> Result<(), Failure> {
    let provider = shared.provider(&change.provider)?;
    let owed = Owed::from_ledger(change.id.clone(), change.target.clone());
    let step = LookStep { change, owed, scope: SessionScope::Ours(Vec::new()) };
    let limit = shared.clock.boot().plus(shared.settings.command_limit);
    let late = || Failure::new(FailureClass::Unreachable, "the target did not answer in time");
    tokio::select! {
        biased;
        seen = provider.look(vec![step]) => seen.into_iter().next().unwrap_or_else(|| Err(late())).map(drop),
        () = shared.clock.sleep_until(limit) => Err(late()),
    }
}

/// Takes up what is written off on a target that answers again. A membership that a session of today holds waits until that is over.
pub(crate) async fn take_up(shared: &Arc<Shared>, target: &TargetId) -> Result<(), LedgerError> {
    loop {
        let rows = shared.ledger.written_off_on(target, PAGE).await?;
        if rows.is_empty() {
            shared.written_off.remove(target);
            return Ok(());
        }
        let at = shared.clock.wall();
        let mut writes = Vec::new();
        for row in &rows {
            if let Some(group) = row.group.as_ref().filter(|_| row.kind == ChangeKind::Membership)
                && shared.ledger.membership(target, &row.account, group).await?.is_some()
            {
                continue;
            }
            writes.push(Write::Move {
                id: row.id.clone(),
                from: ChangeState::WrittenOff,
                to: ChangeState::Withdrawing,
                at,
                next_try: Some(at),
                learnt: Learnt::default(),
            });
        }
        if writes.is_empty() {
            return Ok(());
        }
        let mut event = shared.event(EventKind::TargetReturned).with("changes", writes.len());
        event.target = Some(target.to_string());
        writes.push(Write::Return { target: target.clone(), at });
        tracing::warn!(target_id = %target, "A target that was written off answers again");
        shared.ledger.commit(Entry { writes, events: vec![event] }).await?;
    }
}
