//! One pass over a change that is on its way out: ask [`crate::plan`] what to do, do it, ask again, until it has ended or
//! has to be tried later. Thin on purpose; every decision is in the plan.

use crate::backoff;
use crate::context::Shared;
use crate::events::Happened;
use crate::plan::{self, Next, PassState};
use crate::ports::ledger::{ChangeRow, Entry, HoldRow, Learnt, LedgerError, Write};
use crate::ports::proof::Ending;
use crate::ports::provider::{CloseStep, CloseVerb, Closed, LookStep, Presence, SessionScope};
use crate::ports::trace::{Moment, Span, Step};
use crate::queue::TargetQueue;
use crate::signal::Signal;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ChangeKind, Failure, FailureClass, Owed, SessionId, WallTime};
use std::sync::Arc;
use std::time::Duration;

/// No correct pass takes more steps than this.
const STEPS_MOST: u32 = 64;
/// How long after a last moment the next look waits, so that it falls safely behind it.
const AFTER_LAST_MOMENT: Duration = Duration::from_millis(20);

/// What the removing steps of a pass wait for: that the ledger durably says "withdrawing", and that what builds on this
/// change has had its pass. Steps that only take access away wait for neither.
#[derive(Clone)]
pub(crate) struct Gate(Vec<Signal<()>>);

impl Gate {
    /// For a change that the ledger already holds as withdrawing and that nothing else of this process builds on.
    pub(crate) const fn open() -> Self {
        Self(Vec::new())
    }

    /// Waits for each of the signals.
    pub(crate) const fn after(signals: Vec<Signal<()>>) -> Self {
        Self(signals)
    }

    /// Returns once the removing steps may go on.
    async fn passed(&self) {
        for signal in &self.0 {
            signal.wait().await;
        }
    }
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PassEnd {
    /// The change has ended, durably.
    Concluded,
    /// It is tried again later, durably noted.
    Postponed,
    /// The ledger could not be written, or no longer holds the change as withdrawing; the reconciler reads it again.
    Unwritten,
}

/// A pass under way.
pub(crate) struct Pass {
    shared: Arc<Shared>,
    queue: Option<Arc<TargetQueue>>,
    pub(crate) change: ChangeRow,
    /// Sessions on the target that our connections opened, while this process still knows them.
    ours: Vec<String>,
    /// The holds that end with the change.
    holds: Vec<SessionId>,
    state: PassState,
    gone_at: Option<WallTime>,
    steps: u32,
    /// The steps that are over and nobody was told of yet.
    spans: Vec<Span>,
    /// How often credentials had been changed when it began.
    credentials: u64,
}

impl Pass {
    pub(crate) fn new(shared: &Arc<Shared>, change: ChangeRow, ours: Vec<String>, holds: Vec<SessionId>) -> Self {
        let (mut state, credentials) = (PassState::default(), shared.credentials());
        let queue = match shared.queue(&change.target, &change.provider) {
            Ok(queue) => Some(queue),
            Err(failure) => {
                state.look_failure = Some(failure);
                None
            }
        };
        Self {
            shared: Arc::clone(shared),
            queue,
            change,
            ours,
            holds,
            state,
            gone_at: None,
            credentials,
            steps: 0,
            spans: Vec::new(),
        }
    }

    /// Does the steps that take access away, and no other.
    pub(crate) async fn close_access(&mut self) {
        while let Next::Step(verb @ (CloseVerb::Disable | CloseVerb::EndSessions | CloseVerb::Withdraw)) = self.next() {
            self.step(verb).await;
        }
    }

    /// Goes on until the change has ended or has to be tried later.
    pub(crate) async fn finish(mut self, gate: Gate) -> PassEnd {
        loop {
            match self.next() {
                Next::Step(verb @ (CloseVerb::HandOver | CloseVerb::Remove)) => {
                    gate.passed().await;
                    if !self.learn().await {
                        return PassEnd::Unwritten;
                    }
                    self.step(verb).await;
                }
                Next::Step(verb) => self.step(verb).await,
                Next::Look => self.look().await,
                Next::Conclude(ending) => {
                    gate.passed().await;
                    return self.conclude(ending).await;
                }
                Next::WaitUntil(moment) => {
                    gate.passed().await;
                    return self.wait_until(moment).await;
                }
                Next::GiveUp(failure) => {
                    gate.passed().await;
                    return self.give_up(failure).await;
                }
            }
        }
    }

    fn next(&mut self) -> Next {
        self.steps += 1;
        if self.steps > STEPS_MOST || self.queue.is_none() {
            let bug = Failure::new(FailureClass::Bug, "the removal does not come to an end");
            return Next::GiveUp(self.state.look_failure.clone().unwrap_or(bug));
        }
        plan::next(&self.change, &self.state, self.shared.settings.end_rounds)
    }

    fn scope(&self) -> SessionScope {
        match self.change.kind {
            ChangeKind::Membership if !self.change.end_other_sessions => SessionScope::Ours(self.ours.clone()),
            ChangeKind::Membership => SessionScope::Between { from: self.change.held_since, until: self.gone_at },
            ChangeKind::Account | ChangeKind::Companion | ChangeKind::Trace => SessionScope::All,
        }
    }

    fn owed(&self) -> Owed {
        Owed::from_ledger(self.change.id.clone(), self.change.target.clone())
    }

    async fn step(&mut self, verb: CloseVerb) {
        let Some(queue) = self.queue.clone() else { return };
        let step = CloseStep { change: self.change.clone(), owed: self.owed(), scope: self.scope() };
        let began = self.shared.moment();
        let outcome = queue.close(verb, step).await;
        self.note(Step::Close(verb), began, outcome.as_ref().err());
        self.state.sight = None;
        if verb == CloseVerb::EndSessions {
            self.state.end_rounds += 1;
        }
        let failure = match outcome {
            Ok(closed) => {
                self.state.sessions_left = if verb == CloseVerb::EndSessions { closed.sessions_left } else { 0 };
                self.done(verb, closed);
                None
            }
            Err(failure) => Some(failure),
        };
        self.state.tried.insert(verb, failure);
    }

    /// Keeps what is to be told of a step. What ends a membership ends it for whoever holds it last.
    fn note(&mut self, step: Step, began: Moment, failure: Option<&Failure>) {
        let session = self.holds.first().unwrap_or(&self.change.session).clone();
        let failure = failure.map(|failure| failure.class);
        self.spans.push(Span { session, failure, ..self.shared.change_span(&self.change, step, began) });
    }

    /// Tells of the steps of this pass.
    fn tell(&mut self) {
        for span in std::mem::take(&mut self.spans) {
            self.shared.tracer.take(span);
        }
    }

    /// Takes note of a step that succeeded, and says so in the trail.
    fn done(&mut self, verb: CloseVerb, closed: Closed) {
        let mut events = Vec::new();
        match verb {
            CloseVerb::Disable if self.change.can_log_in != Some(false) => {
                self.change.can_log_in = Some(false);
                events.push(self.shared.change_event(EventKind::AccountDisabled, &self.change));
            }
            CloseVerb::Withdraw => self.gone_at = closed.gone_at,
            CloseVerb::HandOver => self.state.stays = closed.stays,
            CloseVerb::Disable | CloseVerb::EndSessions | CloseVerb::Remove => {}
        }
        let kind =
            if verb == CloseVerb::EndSessions { EventKind::ConnectionForeign } else { EventKind::LeftoversHandled };
        events.extend(self.shared.reported(kind, &self.change, closed.report));
        if !events.is_empty() {
            self.shared.record(events);
        }
    }

    async fn look(&mut self) {
        let Some(queue) = self.queue.clone() else { return };
        let step = LookStep { change: self.change.clone(), owed: self.owed(), scope: self.scope() };
        let began = self.shared.moment();
        let sight = queue.look(step).await;
        self.note(Step::Look, began, sight.as_ref().err());
        match sight {
            Ok(sight) => {
                // An account is asked for once. A membership that is seen may be the work of an earlier command than the last.
                if self.change.kind != ChangeKind::Membership && matches!(sight.presence, Presence::Ours { .. }) {
                    self.change.confirmed = true;
                }
                self.change.can_log_in = sight.can_log_in.or(self.change.can_log_in);
                self.state.sight = Some(sight);
            }
            Err(failure) => self.state.look_failure = Some(failure),
        }
    }

    /// Writes down the identity that was seen, before a step that makes the account unfindable by name.
    async fn learn(&mut self) -> bool {
        let Some(Presence::Ours { native_id: Some(seen), .. }) = self.state.sight.as_ref().map(|sight| &sight.presence)
        else {
            return true;
        };
        if self.change.native_id.as_ref() == Some(seen) {
            return true;
        }
        self.change.native_id = Some(seen.clone());
        let write = Write::Learn { id: self.change.id.clone(), learnt: self.learnt() };
        self.shared.ledger.commit(Entry { writes: vec![write], events: Vec::new() }).await.is_ok()
    }

    fn learnt(&self) -> Learnt {
        Learnt {
            confirmed: Some(self.change.confirmed),
            native_id: self.change.native_id.clone(),
            can_log_in: self.change.can_log_in,
            ..Learnt::default()
        }
    }

    async fn conclude(mut self, ending: Ending) -> PassEnd {
        self.tell();
        let at = self.shared.clock.wall();
        let mut events = match &ending {
            Ending::Absent(_) => self.shared.happened(Happened::Removed, &self.change),
            Ending::Released(_) => vec![self.shared.change_event(EventKind::MembershipReleased, &self.change)],
            Ending::Kept(_) => vec![self.shared.change_event(EventKind::AccountKept, &self.change)],
            // No pass writes anything off; a person does.
            Ending::WrittenOff(_) => self.shared.happened(Happened::WrittenOff, &self.change),
        };
        if let Ending::Absent(proof) = &ending
            && let Some(first) = events.first_mut()
        {
            first.detail.insert("seen_at_target".to_owned(), proof.seen_at().to_string());
        }
        let id = self.change.id.clone();
        let mut writes = Vec::new();
        if let Ending::Kept(_) = &ending {
            // It stays on the list of what needs an eye, so what was seen of it has to be there.
            writes.push(Write::Learn { id: id.clone(), learnt: self.learnt() });
        }
        writes.push(Write::Conclude { id: id.clone(), at, ending });
        writes.extend(
            self.holds.iter().map(|session| Write::Release(HoldRow { change: id.clone(), session: session.clone() })),
        );
        written(self.shared.ledger.commit(Entry { writes, events }).await, PassEnd::Concluded)
    }

    async fn wait_until(mut self, moment: WallTime) -> PassEnd {
        self.tell();
        let seen = self.state.sight.as_ref().map_or(moment, |sight| sight.target_now);
        let next_try = self.shared.clock.wall().plus(moment.since(seen)).plus(AFTER_LAST_MOMENT);
        let write = Write::Postpone {
            id: self.change.id.clone(),
            next_try,
            tries: self.change.tries,
            failure: None,
            learnt: self.learnt(),
        };
        written(self.shared.ledger.commit(Entry { writes: vec![write], events: Vec::new() }).await, PassEnd::Postponed)
    }

    async fn give_up(mut self, failure: Failure) -> PassEnd {
        let tries = self.change.tries.saturating_add(1);
        // Those that were refused may have been changed while this was under way; then there is nothing to wait for.
        let changed =
            failure.class == FailureClass::CredentialsRefused && self.credentials != self.shared.credentials();
        let (class, after) = if changed { (FailureClass::Busy, 1) } else { (failure.class, tries) };
        let wait = backoff::wait(&self.shared.settings, class, after, &mut **self.shared.entropy());
        tracing::warn!(change = %self.change.id, target_id = %self.change.target, account = %self.change.account, tries,
            error = %failure, "A change could not be withdrawn; it is tried again");
        // A target that is down for a week would fill trail and trace with one sentence; news and every doubling are enough.
        let news = self.change.failure.as_ref() != Some(&failure) || tries.is_power_of_two();
        let mut events = Vec::new();
        if news && failure.class == FailureClass::IdentityChanged {
            let mut event = self.shared.change_event(EventKind::TargetIdentityChanged, &self.change);
            event.reason = Some(failure.text.clone());
            events.push(event);
        }
        if news {
            self.tell();
            for mut event in self.shared.happened(Happened::RemovalFailed, &self.change) {
                event.reason = Some(failure.text.clone());
                events.push(event.with("class", failure.class.as_str()).with("tries", tries));
            }
        }
        let write = Write::Postpone {
            id: self.change.id.clone(),
            next_try: self.shared.clock.wall().plus(wait),
            tries,
            failure: Some(failure),
            learnt: self.learnt(),
        };
        written(self.shared.ledger.commit(Entry { writes: vec![write], events }).await, PassEnd::Postponed)
    }
}

fn written(result: Result<(), LedgerError>, end: PassEnd) -> PassEnd {
    match result {
        Ok(()) => end,
        Err(error) => {
            tracing::warn!(%error, "The outcome of a removal could not be written down; it is looked at again");
            PassEnd::Unwritten
        }
    }
}
