//! The launch: read what is needed on every target, write down every intent of the footprint in one commit, and only then
//! touch the first of them.

use crate::context::Shared;
use crate::events::Happened;
use crate::launch::{Launch, Made, UNWRITABLE};
use crate::ports::ledger::{ChangeRow, Entry, Held, HoldRow, Learnt, LedgerError, SessionRow, Write};
use crate::ports::provider::{AccountWish, OpenStep, PlannedChange, Survey, SurveyRequest, SurveyStep, Wish};
use crate::ports::trace::{Moment, Span, Step};
use crate::seat::Order;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{
    AccountName, Authorised, BootTime, ChangeId, ChangeKind, ChangeState, Failure, FailureClass, Secret, SessionId,
    SessionState, TargetId, WallTime,
};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Starts a launch in a task of its own, so that it comes to an end whoever waits for it.
pub(crate) fn start(
    shared: &Arc<Shared>,
    id: &SessionId,
    permit: &Arc<Authorised>,
    order: &Order,
) -> oneshot::Receiver<Launch> {
    let (reply, answer) = oneshot::channel();
    let launcher = Launcher { shared: Arc::clone(shared), id: id.clone(), permit: Arc::clone(permit) };
    let wishes = order.upon.iter().chain([&order.wish]).cloned().collect();
    shared.tasks.spawn("launch", async move {
        let launch = launcher.run(wishes).await.unwrap_or_else(Launch::refused);
        drop(reply.send(launch));
    });
    answer
}

struct Launcher {
    shared: Arc<Shared>,
    id: SessionId,
    permit: Arc<Authorised>,
}

/// What is wanted on one target, what was read there, and when.
struct Part {
    wish: Wish,
    survey: Survey,
    at: BootTime,
    /// Whether it is the first time that anything answered at this endpoint.
    new_target: bool,
}

impl Part {
    fn lane(&self) -> (TargetId, AccountName) {
        (self.survey.target.clone(), self.wish.account.name().clone())
    }
}

/// When a launch writes down its intents.
#[derive(Clone, Copy)]
struct Now {
    boot: BootTime,
    wall: WallTime,
}

impl Launcher {
    async fn run(self, wishes: Vec<Wish>) -> Result<Launch, Failure> {
        let mut places: Vec<(String, OwnedSemaphorePermit)> = Vec::new();
        let mut parts = Vec::new();
        for wish in wishes {
            let endpoint = wish.place.destination.endpoint.to_string();
            if places.iter().all(|(taken, _)| *taken != endpoint) {
                places.push((endpoint, self.shared.launches.enter(&wish.place).await?));
            }
            parts.push(self.survey(wish).await?);
        }
        // Where several lanes are needed they are entered in the order of making, which is the same for all launches, so
        // that no two of them wait for each other.
        let mut lanes: Vec<(TargetId, AccountName)> = Vec::new();
        for lane in parts.iter().map(Part::lane) {
            if !lanes.contains(&lane) {
                lanes.push(lane);
            }
        }
        let shared = Arc::clone(&self.shared);
        let mut work: BoxFuture<'static, Result<Launch, Failure>> = async move {
            let launch = self.in_lanes(parts).await;
            drop(places);
            launch
        }
        .boxed();
        for (target, account) in lanes.into_iter().rev() {
            let (shared, inner) = (Arc::clone(&shared), work);
            work = async move {
                let answer = shared.lanes.run(&shared.tasks, &target, &account, inner);
                answer.await.unwrap_or_else(|_| Ok(Launch::interrupted()))
            }
            .boxed();
        }
        work.await
    }

    async fn survey(&self, wish: Wish) -> Result<Part, Failure> {
        let lifetime = self.permit.duration().saturating_add(self.shared.settings.margin);
        let (at, began) = (self.shared.clock.boot(), self.shared.moment());
        let kind = Some(wish.provider.clone());
        let request = SurveyRequest { wish: wish.clone(), lifetime };
        let survey = self.shared.surveys.ask(SurveyStep { request, permit: Arc::clone(&self.permit) }).await;
        self.tell(Span { provider: kind, ..self.over(Step::Survey, began, survey.as_ref().err()) });
        if let Err(failure) = &survey
            && failure.class == FailureClass::IdentityChanged
        {
            let event = Event { reason: Some(failure.text.clone()), ..self.identity_changed() };
            self.shared.record_first(vec![event]).await;
        }
        let survey = survey?;
        let wall = self.shared.clock.wall();
        if self.shared.written_off.holds(&survey.target) {
            self.shared.returned(&survey.target);
        }
        let new_target = self.check_identity(&wish, &survey).await?;
        self.check_clock(&survey, wall)?;
        Ok(Part { wish, survey, at, new_target })
    }

    /// Another server at a target's address gets nothing (DESIGN §4, "Identity"). `true` when none was known there yet.
    async fn check_identity(&self, wish: &Wish, survey: &Survey) -> Result<bool, Failure> {
        let endpoint = &wish.place.destination.endpoint;
        let known = self.shared.ledger.known_target(endpoint).await.map_err(|error| unreadable(&error))?;
        let Some(known) = known else { return Ok(true) };
        if known == survey.target {
            return Ok(false);
        }
        let event = Event { target: Some(survey.target.to_string()), ..self.identity_changed().with("was", &known) };
        self.shared.record_first(vec![event]).await;
        Err(Failure::new(
            FailureClass::IdentityChanged,
            format!(
                "{endpoint} answers as {}, but until now {known} was there: nothing is opened on another server before an \
                 administrator has confirmed it (mayfly record pin {})",
                survey.target,
                self.permit.record()
            ),
        ))
    }

    /// The event of another server at the address, for whoever asked for a session there.
    fn identity_changed(&self) -> Event {
        let mut event = self.shared.event(EventKind::TargetIdentityChanged);
        event.person = Some(self.permit.person().clone());
        event.record = Some(self.permit.record().clone());
        event
    }

    /// A target whose clock is far off would get deadlines that mean nothing.
    fn check_clock(&self, survey: &Survey, wall: WallTime) -> Result<(), Failure> {
        let offset = survey.target_now.offset_from(wall);
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
            event.target = Some(survey.target.to_string());
            self.shared.record(vec![event]);
        }
        Ok(())
    }

    /// Writes down the intents and makes the changes. Runs in the lanes of the accounts.
    async fn in_lanes(&self, parts: Vec<Part>) -> Result<Launch, Failure> {
        let mut fresh = Vec::new();
        for part in parts {
            fresh.push(match part.wish.account {
                AccountWish::Create { .. } => part,
                // Whether an existing account is a member already may have changed while this waited for its turn.
                AccountWish::Existing { .. } => self.survey(part.wish).await?,
            });
        }
        let now = Now { boot: self.shared.clock.boot(), wall: self.shared.clock.wall() };
        let mut launch = Launch {
            session: fresh.last().map(|part| self.session_row(part, now.wall)),
            changes: Vec::new(),
            secret: self.secret(&fresh),
            deadline: now.boot.plus(self.permit.duration()),
            deadline_wall: now.wall.plus(self.permit.duration()),
            started: false,
            outcome: Ok(()),
        };
        let entry = self.intents(&fresh, &mut launch, now).await?;
        let began = self.shared.moment();
        let written = self.shared.ledger.commit(entry).await;
        let failure = written.as_ref().err().map(LedgerError::class);
        self.tell(Span { failure, ..self.over(Step::Commit, began, None) });
        match written {
            Ok(()) => launch.outcome = self.make(&mut launch).await,
            Err(LedgerError::Expectation(text)) => {
                tracing::warn!(error = text, "A launch does not fit what the ledger holds");
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

    /// A step of this launch that is over now.
    fn over(&self, step: Step, began: Moment, failure: Option<&Failure>) -> Span {
        Span { failure: failure.map(|failure| failure.class), ..self.shared.span(&self.id, step, began) }
    }

    fn tell(&self, span: Span) {
        self.shared.tracer.take(Span { record: Some(self.permit.record().clone()), ..span });
    }

    fn session_row(&self, part: &Part, at: WallTime) -> SessionRow {
        SessionRow {
            id: self.id.clone(),
            run: self.shared.identity.run.clone(),
            person: self.permit.person().clone(),
            record: self.permit.record().clone(),
            target: part.survey.target.clone(),
            account: part.wish.account.name().clone(),
            state: SessionState::Launching,
            opened_at: at,
            deadline: at.plus(self.permit.duration()),
            since: at,
            end_reason: None,
        }
    }

    /// The password of an account that is made; an existing account has its own.
    fn secret(&self, parts: &[Part]) -> Option<Secret> {
        let made = parts.iter().any(|part| matches!(part.wish.account, AccountWish::Create { .. }));
        made.then(|| Secret::password(&mut **self.shared.entropy()))
    }

    /// One entry with everything that will be changed; memberships that others hold are joined.
    async fn intents(&self, parts: &[Part], launch: &mut Launch, now: Now) -> Result<Entry, Failure> {
        let mut granted = self.shared.event(EventKind::AccessGranted);
        granted.person = Some(self.permit.person().clone());
        granted.record = Some(self.permit.record().clone());
        granted.session = Some(self.id.clone());
        let mut entry = Entry { writes: Vec::new(), events: vec![granted] };
        entry.writes.extend(launch.session.clone().map(Write::OpenSession));
        for part in parts {
            if part.new_target {
                let endpoint = part.wish.place.destination.endpoint.clone();
                entry.writes.push(Write::Know { endpoint, target: Some(part.survey.target.clone()) });
            }
            self.intents_of(part, launch, now, &mut entry).await?;
        }
        Ok(entry)
    }

    /// What will be changed on one target. It builds on everything that is made before.
    async fn intents_of(&self, part: &Part, launch: &mut Launch, now: Now, entry: &mut Entry) -> Result<(), Failure> {
        let last_moment = part.survey.target_now.plus(now.boot.since(part.at)).plus(self.shared.settings.last_moment);
        let before: Vec<ChangeId> = launch.changes.iter().map(|made| made.row.id.clone()).collect();
        let ids: Vec<ChangeId> =
            part.survey.changes.iter().map(|_| ChangeId::random(&mut **self.shared.entropy())).collect();
        for (planned, id) in part.survey.changes.iter().zip(&ids) {
            let held = match (planned.kind, &planned.group) {
                (ChangeKind::Membership, Some(group)) => self.held(part, planned, group).await?,
                _ => None,
            };
            let joined = held.is_some();
            // One that is intended was asked for by a launch that heard nothing; one that is taken up, maybe too.
            let answered = |held: &Held| held.change.state == ChangeState::Present || held.change.confirmed;
            let alone = held.as_ref().is_none_or(answered);
            let row = match held {
                Some(held) => join_membership(held, &part.wish, entry, now.wall, last_moment)?,
                None => {
                    let builds_on = planned.depends_on.iter().filter_map(|&index| ids.get(index));
                    let depends_on = before.iter().chain(builds_on).cloned().collect();
                    let row = ChangeRow { depends_on, ..self.new_change(part, planned, id.clone(), now, last_moment) };
                    self.intend(&row, entry);
                    row
                }
            };
            if row.kind == ChangeKind::Membership {
                entry.writes.push(Write::Hold(HoldRow { change: row.id.clone(), session: self.id.clone() }));
            }
            let highest_id = match &planned.native_ids {
                Some(range) => self.highest_id(&row.target, range).await?,
                None => None,
            };
            launch.changes.push(Made { row, joined, alone, highest_id, opened: None });
        }
        Ok(())
    }

    /// What the target itself has noted may be lost with it, or be put back to an earlier day.
    async fn highest_id(&self, target: &TargetId, range: &RangeInclusive<u32>) -> Result<Option<u32>, Failure> {
        self.shared.ledger.highest_native_id(target, range).await.map_err(|error| unreadable(&error))
    }

    async fn held(&self, part: &Part, planned: &PlannedChange, group: &str) -> Result<Option<Held>, Failure> {
        let found = self.shared.ledger.membership(&part.survey.target, &planned.account, group).await;
        found.map_err(|error| unreadable(&error))
    }

    fn new_change(
        &self,
        part: &Part,
        planned: &PlannedChange,
        id: ChangeId,
        now: Now,
        last_moment: WallTime,
    ) -> ChangeRow {
        ChangeRow {
            id,
            session: self.id.clone(),
            provider: part.wish.provider.clone(),
            kind: planned.kind,
            target: part.survey.target.clone(),
            place: part.wish.place.clone(),
            account: planned.account.clone(),
            group: planned.group.clone(),
            payload: planned.payload.clone(),
            state: if planned.prior { ChangeState::Present } else { ChangeState::Intended },
            since: now.wall,
            depends_on: Vec::new(),
            last_moment,
            confirmed: planned.prior,
            native_id: None,
            prior: planned.prior,
            held_since: part.survey.target_now,
            exclusive: part.wish.exclusive,
            end_other_sessions: part.wish.end_other_sessions,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: None,
        }
    }

    fn intend(&self, row: &ChangeRow, entry: &mut Entry) {
        entry.writes.push(Write::Intend(Box::new(row.clone())));
        if row.prior {
            entry.events.push(self.shared.change_event(EventKind::MembershipAlreadyPresent, row));
        } else {
            entry.events.extend(self.shared.happened(Happened::Intended, row));
        }
    }

    /// Makes what was written down, in order, and stops at the first failure.
    async fn make(&self, launch: &mut Launch) -> Result<(), Failure> {
        for made in &mut launch.changes {
            if made.row.state != ChangeState::Intended {
                continue;
            }
            let queue = self.shared.queue(&made.row.target, &made.row.provider)?;
            let secret = launch.secret.clone();
            let (change, highest_id) = (made.row.clone(), made.highest_id);
            let step = OpenStep { change, secret, highest_id, permit: Arc::clone(&self.permit) };
            let began = self.shared.moment();
            let opened = queue.open(step).await;
            let failure = opened.as_ref().err().map(|failure| failure.class);
            let told = self.shared.change_span(&made.row, Step::Create, began);
            self.tell(Span { session: self.id.clone(), failure, ..told });
            made.opened = Some(opened?);
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

/// Takes a hold on a membership that another session brought about, and turns it back if it was on its way out. What
/// was there before the first of them stays what was there before.
fn join_membership(
    held: Held,
    wish: &Wish,
    entry: &mut Entry,
    at: WallTime,
    last_moment: WallTime,
) -> Result<ChangeRow, Failure> {
    let mut row = held.change;
    if row.state != ChangeState::Withdrawing && (wish.exclusive || row.exclusive) {
        let group = row.group.clone().unwrap_or_default();
        return Err(Failure::new(
            FailureClass::Conflict,
            format!("account {} is lifted into {group} by another session: wait until it has ended", row.account),
        ));
    }
    if row.state == ChangeState::Withdrawing {
        // What was sent before may be under way still, whatever the target's clock has done since.
        let last_moment = last_moment.max(row.last_moment);
        entry.writes.push(Write::Move {
            id: row.id.clone(),
            from: ChangeState::Withdrawing,
            to: ChangeState::Intended,
            at,
            next_try: None,
            // Another command is sent, which has no answer yet.
            learnt: Learnt { last_moment: Some(last_moment), confirmed: Some(false), ..Learnt::default() },
        });
        // Whoever holds it until now has ended and waited for it to be gone; what goes on is not theirs any more.
        let leaving = held.holds.into_iter();
        entry.writes.extend(leaving.map(|session| Write::Release(HoldRow { change: row.id.clone(), session })));
        row.state = ChangeState::Intended;
        row.confirmed = false;
        row.last_moment = last_moment;
    }
    Ok(row)
}

fn unreadable(error: &LedgerError) -> Failure {
    tracing::error!(%error, "The ledger could not be read");
    Failure::new(FailureClass::Busy, UNWRITABLE)
}
