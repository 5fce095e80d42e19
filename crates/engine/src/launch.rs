//! The launch: read what is needed, write down every intent of the footprint in one commit, and only then touch the target.

use crate::context::Shared;
use crate::events::Happened;
use crate::ports::ledger::{ChangeRow, Entry, Held, HoldRow, Learnt, LedgerError, SessionRow, Write};
use crate::ports::provider::{AccountWish, OpenStep, Opened, PlannedChange, Provider, Survey, SurveyRequest, Wish};
use crate::seat::Order;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{
    Authorised, BootTime, ChangeId, ChangeKind, ChangeState, Failure, FailureClass, Secret, SessionId, SessionState,
    WallTime,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What a person is told when the trail or the ledger cannot be written: promise 7, nothing new is opened.
pub(crate) const UNWRITABLE: &str = "the record of this server cannot be written now: nothing new is opened";

/// A change of a launch: the row as the ledger holds it, and what this process knows beyond it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) row: ChangeRow,
    /// Whether another session brought it about and this one only holds it too.
    joined: bool,
    /// What making it brought about, once it was seen to be made.
    opened: Option<Opened>,
}

impl Made {
    /// What the ledger does not know yet.
    pub(crate) fn learnt(&self) -> Learnt {
        self.opened.as_ref().map_or_else(Learnt::default, |opened| Learnt {
            confirmed: Some(true),
            native_id: opened.native_id.clone(),
            prior: self.was_there(opened).then_some(true),
            ..Learnt::default()
        })
    }

    /// Whether somebody else added the membership between our look and our command: then it is theirs and stays. Where a
    /// session of ours brought it about, finding it there says nothing new.
    fn was_there(&self, opened: &Opened) -> bool {
        self.row.kind == ChangeKind::Membership && !self.joined && !opened.added
    }

    /// What the trail is told once it is made.
    pub(crate) fn events(&self, shared: &Shared) -> Vec<Event> {
        if self.opened.as_ref().is_some_and(|opened| self.was_there(opened)) {
            vec![shared.change_event(EventKind::MembershipAlreadyPresent, &self.row)]
        } else {
            shared.happened(Happened::Made, &self.row)
        }
    }

    /// The row with what is known beyond the ledger.
    fn known(&self) -> ChangeRow {
        let mut row = self.row.clone();
        if let Some(opened) = &self.opened {
            row.confirmed = true;
            row.native_id = opened.native_id.clone().or(row.native_id);
            row.prior = row.prior || self.was_there(opened);
        }
        row
    }

    /// Takes note that the ledger holds it as present.
    fn confirm(&mut self) {
        self.row = self.known();
        if self.row.state == ChangeState::Intended {
            self.row.state = ChangeState::Present;
        }
    }

    /// The write that says so.
    pub(crate) fn present(&self, at: WallTime) -> Write {
        Write::Move {
            id: self.row.id.clone(),
            from: ChangeState::Intended,
            to: ChangeState::Present,
            at,
            next_try: None,
            learnt: self.learnt(),
        }
    }
}

/// What a launch has come to.
#[derive(Debug)]
pub(crate) struct Launch {
    /// The session as written down; `None` when it never was.
    pub(crate) session: Option<SessionRow>,
    pub(crate) changes: Vec<Made>,
    pub(crate) secret: Option<Secret>,
    pub(crate) deadline: BootTime,
    pub(crate) deadline_wall: WallTime,
    /// Whether a connection has reached the target and the ledger says so.
    pub(crate) started: bool,
    pub(crate) outcome: Result<(), Failure>,
}

impl Launch {
    /// A launch whose task is gone: the process is ending.
    pub(crate) fn interrupted() -> Self {
        Self::refused(Failure::new(FailureClass::OutcomeUnknown, "the launch was interrupted"))
    }

    /// A launch that was refused before anything was written down.
    const fn refused(failure: Failure) -> Self {
        Self {
            session: None,
            changes: Vec::new(),
            secret: None,
            deadline: BootTime::from_nanos(0),
            deadline_wall: WallTime::from_micros(0),
            started: false,
            outcome: Err(failure),
        }
    }

    /// Takes note that the ledger holds the session as live and its changes as present.
    pub(crate) fn confirm(&mut self) {
        self.changes.iter_mut().for_each(Made::confirm);
        if let Some(session) = &mut self.session {
            session.state = SessionState::Live;
        }
    }

    /// The rows with what is known beyond the ledger, for the way out.
    pub(crate) fn rows(&self) -> Vec<ChangeRow> {
        self.changes.iter().map(Made::known).collect()
    }
}

/// Starts a launch in a task of its own, so that it comes to an end whoever waits for it.
pub(crate) fn start(
    shared: &Arc<Shared>,
    id: &SessionId,
    permit: &Arc<Authorised>,
    order: &Order,
) -> oneshot::Receiver<Launch> {
    let (reply, answer) = oneshot::channel();
    let launcher =
        Launcher { shared: Arc::clone(shared), id: id.clone(), permit: Arc::clone(permit), wish: order.wish.clone() };
    shared.tasks.spawn("launch", async move {
        let launch = launcher.run().await.unwrap_or_else(Launch::refused);
        drop(reply.send(launch));
    });
    answer
}

struct Launcher {
    shared: Arc<Shared>,
    id: SessionId,
    permit: Arc<Authorised>,
    wish: Wish,
}

/// What was read, and when.
struct Surveyed {
    survey: Survey,
    at: BootTime,
    wall: WallTime,
}

impl Launcher {
    async fn run(self) -> Result<Launch, Failure> {
        let provider = self.shared.provider(&self.wish.provider)?;
        let place = self.shared.launches.enter(&self.wish.place).await?;
        let surveyed = self.survey(&*provider).await?;
        let (shared, target, account) =
            (Arc::clone(&self.shared), surveyed.survey.target.clone(), self.wish.account.name().clone());
        let lanes = Arc::clone(&shared.lanes);
        let in_lane = async move {
            let surveyed = match self.wish.account {
                AccountWish::Create { .. } => surveyed,
                // Whether an existing account is a member already may have changed while this waited for its turn.
                AccountWish::Existing { .. } => self.survey(&*provider).await?,
            };
            let launch = self.in_lane(surveyed).await;
            drop(place);
            launch
        };
        let answer = lanes.run(&shared.tasks, &target, &account, in_lane);
        answer.await.unwrap_or_else(|_| Ok(Launch::interrupted()))
    }

    async fn survey(&self, provider: &dyn Provider) -> Result<Surveyed, Failure> {
        let lifetime = self.permit.duration().saturating_add(self.shared.settings.margin);
        let request = SurveyRequest { wish: self.wish.clone(), lifetime };
        let before = self.shared.clock.boot();
        let survey = provider.survey(&self.permit, &request).await?;
        let surveyed = Surveyed { survey, at: before, wall: self.shared.clock.wall() };
        self.check_clock(&surveyed)?;
        Ok(surveyed)
    }

    /// A target whose clock is far off would get deadlines that mean nothing.
    fn check_clock(&self, surveyed: &Surveyed) -> Result<(), Failure> {
        let offset = surveyed.survey.target_now.offset_from(surveyed.wall);
        let skew = Duration::from_micros(offset.unsigned_abs());
        if skew > self.shared.settings.skew_refused {
            return Err(Failure::new(
                FailureClass::Conflict,
                format!(
                    "the target's clock is off by {} s: set it right before opening sessions there",
                    skew.as_secs()
                ),
            ));
        }
        if skew > self.shared.settings.skew_shown {
            let mut event = self.shared.event(EventKind::TargetClockOff).with("offset_us", offset);
            event.target = Some(surveyed.survey.target.to_string());
            self.shared.record(vec![event]);
        }
        Ok(())
    }

    /// Writes down the intents and makes the changes. Runs in the lane of the account.
    async fn in_lane(&self, surveyed: Surveyed) -> Result<Launch, Failure> {
        let boot = self.shared.clock.boot();
        let at = self.shared.clock.wall();
        let mut launch = Launch {
            session: Some(self.session_row(&surveyed, at)),
            changes: Vec::new(),
            secret: self.secret(),
            deadline: boot.plus(self.permit.duration()),
            deadline_wall: at.plus(self.permit.duration()),
            started: false,
            outcome: Ok(()),
        };
        let last_moment =
            surveyed.survey.target_now.plus(boot.since(surveyed.at)).plus(self.shared.settings.last_moment);
        let entry = self.intents(&surveyed, &mut launch, at, last_moment).await?;
        match self.shared.ledger.commit(entry).await {
            Ok(()) => launch.outcome = self.make(&mut launch).await,
            Err(LedgerError::Expectation(text)) => {
                tracing::warn!(text, "A launch does not fit what the ledger holds");
                return Err(Failure::new(FailureClass::Conflict, "another session got there first: try again"));
            }
            // It may have been written all the same, so the way out is walked as if it had.
            Err(error) => {
                tracing::error!(%error, "A launch could not be written down, so it is not made");
                launch.outcome = Err(Failure::new(FailureClass::Busy, UNWRITABLE));
            }
        }
        Ok(launch)
    }

    fn session_row(&self, surveyed: &Surveyed, at: WallTime) -> SessionRow {
        SessionRow {
            id: self.id.clone(),
            run: self.shared.identity.run.clone(),
            person: self.permit.person().clone(),
            record: self.permit.record().clone(),
            target: surveyed.survey.target.clone(),
            account: self.wish.account.name().clone(),
            state: SessionState::Launching,
            opened_at: at,
            deadline: at.plus(self.permit.duration()),
            since: at,
            end_reason: None,
        }
    }

    /// The password of an account that is made; an existing account has its own.
    fn secret(&self) -> Option<Secret> {
        match self.wish.account {
            AccountWish::Create { .. } => Some(Secret::random(&mut **self.shared.entropy())),
            AccountWish::Existing { .. } => None,
        }
    }

    /// One entry with everything that will be changed; memberships that others hold are joined.
    async fn intents(
        &self,
        surveyed: &Surveyed,
        launch: &mut Launch,
        at: WallTime,
        last_moment: WallTime,
    ) -> Result<Entry, Failure> {
        let mut granted = self.shared.event(EventKind::AccessGranted);
        granted.person = Some(self.permit.person().clone());
        granted.record = Some(self.permit.record().clone());
        granted.session = Some(self.id.clone());
        let mut entry = Entry { writes: Vec::new(), events: vec![granted] };
        entry.writes.extend(launch.session.clone().map(Write::OpenSession));
        let ids: Vec<ChangeId> =
            surveyed.survey.changes.iter().map(|_| ChangeId::random(&mut **self.shared.entropy())).collect();
        for (planned, id) in surveyed.survey.changes.iter().zip(&ids) {
            let held = match (planned.kind, &planned.group) {
                (ChangeKind::Membership, Some(group)) => self.held(surveyed, planned, group).await?,
                _ => None,
            };
            let joined = held.is_some();
            let row = match held {
                Some(held) => self.join_membership(held, &mut entry, at, last_moment)?,
                None => self.new_change(surveyed, planned, id, &ids, at, last_moment, &mut entry),
            };
            if row.kind == ChangeKind::Membership {
                entry.writes.push(Write::Hold(HoldRow { change: row.id.clone(), session: self.id.clone() }));
            }
            launch.changes.push(Made { row, joined, opened: None });
        }
        Ok(entry)
    }

    async fn held(&self, surveyed: &Surveyed, planned: &PlannedChange, group: &str) -> Result<Option<Held>, Failure> {
        self.shared.ledger.membership(&surveyed.survey.target, &planned.account, group).await.map_err(|error| {
            tracing::error!(%error, "The ledger could not be read");
            Failure::new(FailureClass::Busy, UNWRITABLE)
        })
    }

    /// Takes a hold on a membership that another session brought about, and turns it back if it was on its way out. What
    /// was there before the first of them stays what was there before.
    fn join_membership(
        &self,
        held: Held,
        entry: &mut Entry,
        at: WallTime,
        last_moment: WallTime,
    ) -> Result<ChangeRow, Failure> {
        let mut row = held.change;
        if row.state != ChangeState::Withdrawing && (self.wish.exclusive || row.exclusive) {
            let group = row.group.clone().unwrap_or_default();
            return Err(Failure::new(
                FailureClass::Conflict,
                format!("account {} is lifted into {group} by another session: wait until it has ended", row.account),
            ));
        }
        if row.state == ChangeState::Withdrawing {
            entry.writes.push(Write::Move {
                id: row.id.clone(),
                from: ChangeState::Withdrawing,
                to: ChangeState::Intended,
                at,
                next_try: None,
                learnt: Learnt { last_moment: Some(last_moment), ..Learnt::default() },
            });
            // Whoever holds it until now has ended and waited for it to be gone; what goes on is not theirs any more.
            let leaving = held.holds.into_iter();
            entry.writes.extend(leaving.map(|session| Write::Release(HoldRow { change: row.id.clone(), session })));
            row.state = ChangeState::Intended;
            row.last_moment = last_moment;
        }
        Ok(row)
    }

    #[expect(clippy::too_many_arguments, reason = "one row has this many sources and nobody else builds one")]
    fn new_change(
        &self,
        surveyed: &Surveyed,
        planned: &PlannedChange,
        id: &ChangeId,
        ids: &[ChangeId],
        at: WallTime,
        last_moment: WallTime,
        entry: &mut Entry,
    ) -> ChangeRow {
        let row = ChangeRow {
            id: id.clone(),
            session: self.id.clone(),
            provider: self.wish.provider.clone(),
            kind: planned.kind,
            target: surveyed.survey.target.clone(),
            place: self.wish.place.clone(),
            account: planned.account.clone(),
            group: planned.group.clone(),
            payload: planned.payload.clone(),
            state: if planned.prior { ChangeState::Present } else { ChangeState::Intended },
            since: at,
            depends_on: planned.depends_on.iter().filter_map(|&index| ids.get(index).cloned()).collect(),
            last_moment,
            confirmed: planned.prior,
            native_id: None,
            prior: planned.prior,
            held_since: surveyed.survey.target_now,
            exclusive: self.wish.exclusive,
            end_other_sessions: self.wish.end_other_sessions,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: None,
        };
        entry.writes.push(Write::Intend(Box::new(row.clone())));
        if planned.prior {
            entry.events.push(self.shared.change_event(EventKind::MembershipAlreadyPresent, &row));
        } else {
            entry.events.extend(self.shared.happened(Happened::Intended, &row));
        }
        row
    }

    /// Makes what was written down, in order, and stops at the first failure.
    async fn make(&self, launch: &mut Launch) -> Result<(), Failure> {
        for made in &mut launch.changes {
            if made.row.state != ChangeState::Intended {
                continue;
            }
            let queue = self.shared.queue(&made.row.target, &made.row.provider)?;
            let secret = launch.secret.clone();
            let step = OpenStep { change: made.row.clone(), secret, permit: Arc::clone(&self.permit) };
            made.opened = Some(queue.open(step).await?);
            if made.row.kind == ChangeKind::Membership {
                // Others may hold it from now on, so what is known of it cannot wait for the first connection.
                let entry =
                    Entry { writes: vec![made.present(self.shared.clock.wall())], events: made.events(&self.shared) };
                self.shared.ledger.commit(entry).await.map_err(|error| {
                    tracing::error!(%error, "A membership could not be put on record");
                    Failure::new(FailureClass::Busy, UNWRITABLE)
                })?;
                made.confirm();
            }
        }
        Ok(())
    }
}
