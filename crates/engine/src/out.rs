//! The way out of a session: its end is written down while access is being taken away, and what removes waits for both.
//! The same way is walked after a crash, with what the ledger holds instead of what this process remembers.

use crate::context::Shared;
use crate::events;
use crate::pass::{Gate, Pass, PassEnd};
use crate::ports::ledger::{ChangeRow, Entry, Footprint, HoldRow, Learnt, LedgerError, SessionRow, Write};
use crate::ports::provider::{CloseStep, CloseVerb, SessionScope};
use crate::ports::trace::{Span, Step};
use crate::seat::Closing;
use crate::signal::Signal;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{
    AccountName, ChangeId, ChangeKind, ChangeState, EndReason, Owed, SessionId, SessionState, TargetId, WallTime,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before trying again to write what has to be written.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Why a session ends, and who said so.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) reason: EndReason,
    pub(crate) actor: String,
    pub(crate) text: Option<String>,
}

/// The way out of one session.
pub(crate) struct WayOut {
    shared: Arc<Shared>,
    session: SessionRow,
    /// What belongs to it, in the order of making.
    rows: Vec<ChangeRow>,
    /// What the target calls the sessions that our connections opened.
    ours: Vec<String>,
}

impl WayOut {
    pub(crate) fn new(shared: &Arc<Shared>, session: SessionRow, rows: Vec<ChangeRow>, ours: Vec<String>) -> Self {
        Self { shared: Arc::clone(shared), session, rows, ours }
    }

    /// Starts writing down that the session ends and its own changes are withdrawing, and goes on trying until it is
    /// written. The signal is set then.
    pub(crate) fn begin(&mut self, ended: Ended) -> Signal<()> {
        let signal = Signal::new();
        self.session.end_reason.get_or_insert(ended.reason);
        let (began, end) = (self.shared.moment(), self.session.end_reason);
        let written = signal.clone();
        let shared = Arc::clone(&self.shared);
        let (mut session, mut rows) = (self.session.clone(), self.rows.clone());
        self.shared.tasks.spawn("session end", async move {
            loop {
                match shared.ledger.commit(end_entry(&shared, &session, &rows, &ended)).await {
                    Ok(()) => break,
                    Err(LedgerError::Expectation(text)) => {
                        // A commit whose answer was lost: what counts is what the ledger holds.
                        tracing::warn!(session = %session.id, error = text, "The ledger is further than was known; reading it again");
                        match shared.ledger.footprint(&session.id).await {
                            Ok(Some(footprint)) if footprint.session.state != SessionState::Ended => {
                                Footprint { session, changes: rows } = footprint;
                            }
                            Ok(_) => break,
                            Err(_) => pause(&shared).await,
                        }
                    }
                    Err(error) => {
                        tracing::error!(session = %session.id, %error, "The end of a session cannot be written yet");
                        pause(&shared).await;
                    }
                }
            }
            shared.tracer.take(Span { end, ..shared.span(&session.id, Step::End, began) });
            written.set(());
        });
        signal
    }

    /// Walks the way: a lane for each (target, account); in each, access first, then removal in the reverse order of making.
    pub(crate) async fn run(self, recorded: Signal<()>) -> Closing {
        let unfinished = || self.rows.iter().filter(|row| row.state.is_unfinished());
        let done: BTreeMap<ChangeId, Signal<()>> = unfinished().map(|row| (row.id.clone(), Signal::new())).collect();
        let mut lanes: BTreeMap<(TargetId, AccountName), Vec<Leg>> = BTreeMap::new();
        for row in unfinished().rev() {
            let mut signals = vec![recorded.clone()];
            let elsewhere = |other: &&ChangeRow| (&other.target, &other.account) != (&row.target, &row.account);
            let builds_on_this = unfinished().filter(|other| other.depends_on.contains(&row.id));
            signals.extend(builds_on_this.filter(elsewhere).filter_map(|other| done.get(&other.id).cloned()));
            let Some(done) = done.get(&row.id).cloned() else { continue };
            lanes.entry((row.target.clone(), row.account.clone())).or_default().push(Leg {
                row: row.clone(),
                gate: Gate::after(signals),
                done,
            });
        }
        let mut answers = Vec::new();
        for ((target, account), legs) in lanes {
            let work = run_lane(Arc::clone(&self.shared), self.session.clone(), self.ours.clone(), legs);
            answers.push(self.shared.lanes.run(&self.shared.tasks, &target, &account, work));
        }
        let mut closing = Closing::Clean;
        for answer in answers {
            if answer.await != Ok(true) {
                closing = Closing::Outstanding;
            }
        }
        self.close(recorded, closing).await;
        closing
    }

    /// Writes down that nothing of the session is left that is still worked on; where that fails the reconciler does it.
    async fn close(&self, recorded: Signal<()>, closing: Closing) {
        recorded.wait().await;
        let written = closing == Closing::Clean
            && self.shared.ledger.commit(closed_entry(&self.shared, &self.session)).await.is_ok();
        if written {
            self.shared.tell_whole(&self.session);
        } else {
            self.shared.wake.notify_one();
        }
    }
}

/// One change on its way out, within its lane.
struct Leg {
    row: ChangeRow,
    gate: Gate,
    done: Signal<()>,
}

impl Drop for Leg {
    /// Whatever became of its pass, what waits for it goes on.
    fn drop(&mut self) {
        self.done.set(());
    }
}

/// The entry that closes a session.
pub(crate) fn closed_entry(shared: &Shared, session: &SessionRow) -> Entry {
    Entry {
        writes: vec![Write::MoveSession {
            id: session.id.clone(),
            from: SessionState::Ending,
            to: SessionState::Ended,
            at: shared.clock.wall(),
            reason: None,
        }],
        events: vec![shared.session_event(EventKind::SessionClosed, session)],
    }
}

/// The entry that ends a session. Its memberships are not in it: whether they go is decided in their lane.
fn end_entry(shared: &Shared, session: &SessionRow, rows: &[ChangeRow], ended: &Ended) -> Entry {
    let at = shared.clock.wall();
    let mut entry = Entry::default();
    if matches!(session.state, SessionState::Launching | SessionState::Live) {
        entry.writes.push(Write::MoveSession {
            id: session.id.clone(),
            from: session.state,
            to: SessionState::Ending,
            at,
            reason: Some(ended.reason),
        });
        let mut event = shared.session_event(events::end_kind(ended.reason), session);
        event.actor.clone_from(&ended.actor);
        event.reason = Some(ended.text.clone().unwrap_or_else(|| ended.reason.sentence().to_owned()));
        entry.events.push(event.with("end", ended.reason.as_str()));
    }
    for row in rows.iter().filter(|row| row.kind != ChangeKind::Membership) {
        entry.writes.extend(withdrawing(shared, row, at));
    }
    entry
}

/// The write that moves a change to `withdrawing`, where it is not there yet.
fn withdrawing(shared: &Shared, row: &ChangeRow, at: WallTime) -> Option<Write> {
    matches!(row.state, ChangeState::Intended | ChangeState::Present).then(|| Write::Move {
        id: row.id.clone(),
        from: row.state,
        to: ChangeState::Withdrawing,
        at,
        // A pass follows at once; this is for the case that it does not come to an end.
        next_try: Some(at.plus(shared.settings.pass_grace)),
        learnt: Learnt {
            confirmed: Some(row.confirmed),
            native_id: row.native_id.clone(),
            prior: Some(row.prior),
            ..Learnt::default()
        },
    })
}

async fn pause(shared: &Shared) {
    shared.clock.sleep_until(shared.clock.boot().plus(STORE_RETRY)).await;
}

/// The work of one lane: access away from every change first, then one after another until each has ended or is postponed.
async fn run_lane(shared: Arc<Shared>, session: SessionRow, ours: Vec<String>, legs: Vec<Leg>) -> bool {
    let mut clean = true;
    let mut passes = Vec::new();
    for leg in legs {
        let Some(claim) = shared.claim(&leg.row.id) else {
            // The reconciler is at it already.
            clean = false;
            continue;
        };
        let pass = match leg.row.kind {
            ChangeKind::Membership => leave(&shared, &session, &leg.row, &ours).await,
            ChangeKind::Account | ChangeKind::Companion | ChangeKind::Trace => {
                Some(Pass::new(&shared, leg.row.clone(), ours.clone(), Vec::new()))
            }
        };
        let Some(mut pass) = pass else { continue };
        pass.close_access().await;
        passes.push((pass, leg, claim));
    }
    for (mut pass, leg, claim) in passes {
        pass.change.state = ChangeState::Withdrawing;
        clean &= pass.finish(leg.gate.clone()).await == PassEnd::Concluded;
        drop((leg, claim));
    }
    clean
}

/// Leaves a membership: gives up this session's hold, or, as the last to hold it, takes it to its end.
async fn leave(shared: &Arc<Shared>, session: &SessionRow, row: &ChangeRow, ours: &[String]) -> Option<Pass> {
    loop {
        let held = match shared.ledger.change(&row.id).await {
            Ok(Some(held)) => held,
            Ok(None) => return None,
            Err(error) => {
                tracing::error!(session = %session.id, %error, "The ledger cannot be read; a membership waits to be left");
                pause(shared).await;
                continue;
            }
        };
        if !held.change.state.is_unfinished() {
            return None;
        }
        let mut change = held.change;
        if held.holds.iter().any(|holder| *holder != session.id) {
            if held.holds.contains(&session.id) {
                end_ours(shared, &session.id, &change, ours).await;
                release(shared, session, &change).await;
            }
            return None;
        }
        let Some(write) = withdrawing(shared, &change, shared.clock.wall()) else {
            return Some(Pass::new(shared, change, ours.to_vec(), held.holds));
        };
        match shared.ledger.commit(Entry { writes: vec![write], events: Vec::new() }).await {
            Ok(()) => {
                change.state = ChangeState::Withdrawing;
                return Some(Pass::new(shared, change, ours.to_vec(), held.holds));
            }
            Err(error) => {
                tracing::error!(session = %session.id, %error, "A membership waits to be left");
                pause(shared).await;
            }
        }
    }
}

/// Ends what our own connections started; the sessions of others who hold the same membership go on.
async fn end_ours(shared: &Arc<Shared>, session: &SessionId, change: &ChangeRow, ours: &[String]) {
    if ours.is_empty() {
        return;
    }
    let Ok(queue) = shared.queue(&change.target, &change.provider) else { return };
    let step = CloseStep {
        change: change.clone(),
        owed: Owed::from_ledger(change.id.clone(), change.target.clone()),
        scope: SessionScope::Ours(ours.to_vec()),
    };
    let began = shared.moment();
    let closed = queue.close(CloseVerb::EndSessions, step).await;
    let failure = closed.as_ref().err().map(|failure| failure.class);
    let told = shared.change_span(change, Step::Close(CloseVerb::EndSessions), began);
    shared.tracer.take(Span { session: session.clone(), failure, ..told });
    if let Err(failure) = closed {
        // They are ended with the last hold at the latest.
        tracing::warn!(change = %change.id, error = %failure, "Sessions of a lifted account could not be ended yet");
    }
}

async fn release(shared: &Arc<Shared>, session: &SessionRow, change: &ChangeRow) {
    let mut event = shared.session_event(EventKind::MembershipReleased, session);
    event.change = Some(change.id.clone());
    event.group.clone_from(&change.group);
    event.reason = Some("other sessions hold it still".to_owned());
    let entry = Entry {
        writes: vec![Write::Release(HoldRow { change: change.id.clone(), session: session.id.clone() })],
        events: vec![event],
    };
    while let Err(error) = shared.ledger.commit(entry.clone()).await {
        tracing::error!(session = %session.id, %error, "A hold cannot be given up yet");
        pause(shared).await;
    }
}
