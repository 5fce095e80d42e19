//! The reconciler: takes no input. Whatever happens only wakes it; it reads the ledger again and does what is due. After a
//! crash it is the same code that walks the same way.

use crate::context::Shared;
use crate::out::{self, Ended, WayOut};
use crate::pass::{Gate, Pass, PassEnd};
use crate::ports::ledger::{ChangeRow, LedgerError};
use crate::write_off;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{BootTime, ChangeId, ChangeState, EndReason, SessionId, WallTime};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How many changes are read at a time.
const PAGE: u32 = 256;
/// The longest sleep, so that a stepped wall clock is noticed.
const SLEEP_MOST: Duration = Duration::from_secs(5);
/// The shortest sleep after something is known to be under way.
const SLEEP_LEAST: Duration = Duration::from_millis(10);
/// How long a change is left alone whose pass could not be written down.
const UNWRITTEN_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait before what cannot be read is read again.
const UNREAD_PAUSE: Duration = Duration::from_secs(1);
/// A step of the wall clock that is worth an event.
const STEP: Duration = Duration::from_secs(5);

/// Runs for as long as the process does.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut offset = clock_offset(&shared);
    loop {
        let stepped;
        (offset, stepped) = watch_clock(&shared, offset);
        let now = shared.clock.boot();
        let next = tick(&shared, stepped).await.unwrap_or_else(|error| {
            tracing::error!(%error, "The ledger is not available; trying again");
            now.plus(Duration::from_secs(1))
        });
        let next = next.max(now.plus(SLEEP_LEAST)).min(now.plus(SLEEP_MOST));
        tokio::select! {
            biased;
            () = shared.wake.notified() => {}
            () = shared.clock.sleep_until(next) => {}
        }
    }
}

/// Does what is due and says when to come back. After a step of the wall clock everything is due: the times at which things
/// were to be tried again mean nothing any more, and trying too early costs little.
async fn tick(shared: &Arc<Shared>, everything: bool) -> Result<BootTime, LedgerError> {
    // What is owed is done even while nothing can be written; the reads below need no more than a store that can be read.
    let written = keep_books(shared).await;
    write_off::look_again(shared);
    for target in shared.take_returned() {
        if shared.written_off.holds(&target) {
            write_off::take_up(shared, &target).await?;
        }
        for change in shared.ledger.owed_on(&target, PAGE).await? {
            start_pass(shared, change);
        }
    }
    let (closed, probe) = shared.closed_targets();
    let (boot, wall) = (shared.clock.boot(), shared.clock.wall());
    let until = if everything { WallTime::from_micros(i64::MAX) } else { wall };
    let due = shared.ledger.due(until, PAGE, &closed).await?;
    let full_page = due.len() == PAGE as usize;
    let started = due.into_iter().filter(|change| start_pass(shared, change.clone()).is_some()).count();
    if full_page && started > 0 {
        return Ok(boot);
    }
    written?;
    let next_due = shared.ledger.next_due(&closed).await?.map(|next| {
        // What is due already is being worked on; its pass wakes us when it has an end.
        if next <= wall { boot.plus(Duration::from_secs(1)) } else { boot.plus(next.since(wall)) }
    });
    Ok([next_due, probe].into_iter().flatten().min().unwrap_or_else(|| boot.plus(SLEEP_MOST)))
}

/// Writes down what waits for it.
async fn keep_books(shared: &Arc<Shared>) -> Result<(), LedgerError> {
    shared.flush_outbox().await?;
    close_sessions(shared).await
}

/// Closes sessions of which nothing is left that is still worked on.
async fn close_sessions(shared: &Arc<Shared>) -> Result<(), LedgerError> {
    loop {
        let sessions = shared.ledger.closable_sessions(PAGE).await?;
        for session in &sessions {
            match shared.ledger.commit(out::closed_entry(shared, session)).await {
                // Its own task may have closed it a moment ago.
                Err(LedgerError::Expectation(_)) => {}
                Ok(()) => shared.tell_whole(session),
                Err(error) => return Err(error),
            }
        }
        if sessions.len() < PAGE as usize {
            return Ok(());
        }
    }
}

/// Starts a pass over a change that is due; the receiver learns its end. `None` when one is under way.
pub(crate) fn start_pass(shared: &Arc<Shared>, change: ChangeRow) -> Option<oneshot::Receiver<()>> {
    let claim = shared.claim(&change.id)?;
    let (over, ended) = oneshot::channel();
    let passes = Arc::clone(&shared.passes);
    let context = Arc::clone(shared);
    shared.tasks.spawn("pass", async move {
        let Ok(place) = passes.acquire_owned().await else { return };
        let (target, account) = (change.target.clone(), change.account.clone());
        let lanes = Arc::clone(&context.lanes);
        let in_lane = Arc::clone(&context);
        let work = async move { pass(&in_lane, &change.id).await };
        // The lane's task does the work even if this one is gone.
        let end = lanes.run(&context.tasks, &target, &account, work).await;
        drop(place);
        if end == Ok(PassEnd::Unwritten) {
            // What could not be written down is still due: without a pause the target would be asked over and over.
            context.clock.sleep_until(context.clock.boot().plus(UNWRITTEN_PAUSE)).await;
        }
        drop(claim);
        context.wake.notify_one();
        // Mostly nobody waits.
        let _ = over.send(());
    });
    Some(ended)
}

/// One pass in its lane: reads the change again, since it may have ended or been taken up while this waited.
async fn pass(shared: &Arc<Shared>, id: &ChangeId) -> PassEnd {
    match shared.ledger.change(id).await {
        Ok(Some(held)) if held.change.state == ChangeState::Withdrawing => {
            let mut pass = Pass::new(shared, held.change, Vec::new(), held.holds);
            pass.close_access().await;
            pass.finish(Gate::open()).await
        }
        Ok(_) => PassEnd::Concluded,
        Err(error) => {
            tracing::warn!(change = %id, %error, "A change could not be read; it is tried again");
            PassEnd::Unwritten
        }
    }
}

/// Takes out every session that belongs to an earlier run of the server. Nothing else waits for it: there may be very many, on
/// targets that do not answer, and what this run opens never belongs to an earlier one.
pub(crate) async fn recover(shared: Arc<Shared>) {
    let (mut after, mut found) = (None, 0_usize);
    loop {
        match recover_page(&shared, after.as_ref()).await {
            Ok((taken, last)) => {
                found += taken;
                after = last;
                if after.is_none() {
                    break;
                }
            }
            Err(error) => {
                tracing::error!(%error, "Sessions of an earlier run cannot be read; trying again");
                shared.clock.sleep_until(shared.clock.boot().plus(UNREAD_PAUSE)).await;
            }
        }
    }
    if found > 0 {
        tracing::warn!(sessions = found, "Sessions of an earlier run are taken out");
    }
}

/// Begins to take out one page of them. Returns how many, and the last where there may be more.
async fn recover_page(
    shared: &Arc<Shared>,
    after: Option<&SessionId>,
) -> Result<(usize, Option<SessionId>), LedgerError> {
    let page = shared.ledger.sessions_of_other_runs(&shared.identity.run, after, PAGE).await?;
    let mut footprints = Vec::new();
    for session in &page {
        footprints.extend(shared.ledger.footprint(&session.id).await?);
    }
    let (found, more) = (footprints.len(), page.len() == PAGE as usize);
    for footprint in footprints {
        let place = Arc::clone(&shared.passes).acquire_owned().await;
        let mut way_out = WayOut::new(shared, footprint.session, footprint.changes, Vec::new());
        shared.tasks.spawn("recovery", async move {
            let ended = Ended { reason: EndReason::ServerLost, actor: "server".to_owned(), text: None };
            let recorded = way_out.begin(ended);
            way_out.run(recorded).await;
            drop(place);
        });
    }
    Ok((found, page.into_iter().last().filter(|_| more).map(|last| last.id)))
}

/// Microseconds by which the wall clock is ahead of the boot clock.
fn clock_offset(shared: &Shared) -> i64 {
    let boot = i64::try_from(shared.clock.boot().nanos() / 1000).unwrap_or(i64::MAX);
    shared.clock.wall().micros().saturating_sub(boot)
}

/// Says in the trail when the wall clock was stepped, and tells whether it was.
fn watch_clock(shared: &Arc<Shared>, before: i64) -> (i64, bool) {
    let now = clock_offset(shared);
    let step = now.saturating_sub(before);
    if Duration::from_micros(step.unsigned_abs()) <= STEP {
        // A slow drift is the work of a time daemon and adds up without being a step.
        return (now, false);
    }
    tracing::warn!(step_us = step, "The wall clock was stepped");
    shared.record(vec![shared.event(EventKind::ClockStepped).with("step_us", step)]);
    (now, true)
}
