//! One queue for each target: a bounded number of commands in flight, what cuts access before launches before the rest of
//! removal, and steps of one verb that wait together go together.

use crate::base::Base;
use crate::breaker::{self, Admission, Breaker};
use crate::ports::provider::{CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Provider, Sight};
use crate::sync::lock;
use futures_util::FutureExt;
use mayfly_domain::{BootTime, Failure, FailureClass, TargetId};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// What waits for one target, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The target.
    pub target: TargetId,
    /// Commands that wait.
    pub waiting: usize,
    /// Commands that are on their way.
    pub running: usize,
    /// Why nothing but a probe is sent now; `None` while everything is.
    pub failure: Option<Failure>,
}

type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// The kinds of work, in the order in which they are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verb {
    Close(CloseVerb),
    Open,
    Look,
}

/// How urgent a kind of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// It takes access away.
    Cutting,
    /// Somebody waits for it.
    Opening,
    /// It can wait a little.
    Rest,
}

impl Verb {
    const fn urgency(self) -> Urgency {
        match self {
            Self::Close(CloseVerb::Disable | CloseVerb::EndSessions | CloseVerb::Withdraw) => Urgency::Cutting,
            Self::Open => Urgency::Opening,
            Self::Look | Self::Close(CloseVerb::HandOver | CloseVerb::Remove) => Urgency::Rest,
        }
    }
}

enum Job {
    Open(Box<OpenStep>, Reply<Opened>),
    Look(Box<LookStep>, Reply<Sight>),
    Close(CloseVerb, Box<CloseStep>, Reply<Closed>),
}

impl Job {
    const fn verb(&self) -> Verb {
        match self {
            Self::Open(..) => Verb::Open,
            Self::Look(..) => Verb::Look,
            Self::Close(verb, ..) => Verb::Close(*verb),
        }
    }

    fn refuse(self, failure: Failure) {
        // A caller that is gone does not want the answer.
        match self {
            Self::Open(_, reply) => drop(reply.send(Err(failure))),
            Self::Look(_, reply) => drop(reply.send(Err(failure))),
            Self::Close(_, _, reply) => drop(reply.send(Err(failure))),
        }
    }
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Verb, VecDeque<Job>>,
    running: usize,
    /// The verb of `Urgency::Rest` served last, so that a stream of one never starves another.
    rest_served: Option<Verb>,
    breaker: Breaker,
}

/// The queue of one target.
pub(crate) struct TargetQueue {
    target: TargetId,
    provider: Arc<dyn Provider>,
    base: Arc<Base>,
    state: Mutex<State>,
}

impl TargetQueue {
    pub(crate) fn new(target: TargetId, provider: Arc<dyn Provider>, base: Arc<Base>) -> Self {
        Self { target, provider, base, state: Mutex::default() }
    }

    /// Makes a change.
    pub(crate) async fn open(self: &Arc<Self>, step: OpenStep) -> Result<Opened, Failure> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Open(Box::new(step), reply));
        answered(answer).await
    }

    /// Looks at a change.
    pub(crate) async fn look(self: &Arc<Self>, step: LookStep) -> Result<Sight, Failure> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Look(Box::new(step), reply));
        answered(answer).await
    }

    /// Does a step of the way out.
    pub(crate) async fn close(self: &Arc<Self>, verb: CloseVerb, step: CloseStep) -> Result<Closed, Failure> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Close(verb, Box::new(step), reply));
        answered(answer).await
    }

    /// Whether the breaker is open, and when its next probe may start.
    pub(crate) fn breaker(&self) -> (bool, Option<BootTime>) {
        let state = lock(&self.state);
        (state.breaker.is_open(), state.breaker.probe_at())
    }

    /// Credentials were changed: what waits because they were refused is tried at once.
    pub(crate) fn credentials_changed(&self) {
        if lock(&self.state).breaker.credentials_changed() {
            self.base.returned(&self.target);
        }
    }

    /// What waits here, and whether the target can be worked with.
    pub(crate) fn told(&self) -> Queue {
        let state = lock(&self.state);
        Queue {
            target: self.target.clone(),
            waiting: state.waiting.values().map(VecDeque::len).sum(),
            running: state.running,
            failure: state.breaker.failure().cloned(),
        }
    }

    fn submit(self: &Arc<Self>, job: Job) {
        let start = {
            let mut state = lock(&self.state);
            state.waiting.entry(job.verb()).or_default().push_back(job);
            if state.running < self.base.settings.commands_per_target {
                state.running += 1;
                true
            } else {
                false
            }
        };
        if start {
            let queue = Arc::clone(self);
            self.base.tasks.spawn("target worker", async move { queue.work().await });
        }
    }

    async fn work(self: Arc<Self>) {
        while let Some(batch) = self.next_batch() {
            self.run(batch).await;
        }
    }

    /// The next batch to run; `None` gives the worker's place back.
    fn next_batch(&self) -> Option<Vec<Job>> {
        loop {
            let mut state = lock(&self.state);
            let Some(verb) = choose(&state, self.base.settings.commands_per_target) else {
                state.running -= 1;
                return None;
            };
            let most = match state.breaker.admit(self.base.clock.boot()) {
                Admission::Open => self.base.settings.batch,
                Admission::Probe => 1,
                Admission::Refused(failure) => {
                    let refused = std::mem::take(&mut state.waiting);
                    drop(state);
                    refused.into_values().flatten().for_each(|job| job.refuse(failure.clone()));
                    continue;
                }
            };
            if verb.urgency() == Urgency::Rest {
                state.rest_served = Some(verb);
            }
            let jobs = state.waiting.get_mut(&verb)?;
            let batch: Vec<Job> = jobs.drain(..jobs.len().min(most)).collect();
            return Some(batch);
        }
    }

    async fn run(&self, batch: Vec<Job>) {
        let (mut opens, mut looks, mut closes) = (Vec::new(), Vec::new(), Vec::new());
        let mut verb = None;
        let credentials = self.base.credentials();
        for job in batch {
            match job {
                Job::Open(step, reply) => opens.push((*step, reply)),
                Job::Look(step, reply) => looks.push((*step, reply)),
                Job::Close(close, step, reply) => {
                    verb = Some(close);
                    closes.push((*step, reply));
                }
            }
        }
        if !opens.is_empty() {
            let (steps, replies): (Vec<_>, Vec<_>) = opens.into_iter().unzip();
            self.deliver(credentials, self.guarded(self.provider.open(steps)).await, replies);
        }
        if !looks.is_empty() {
            let (steps, replies): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
            self.deliver(credentials, self.guarded(self.provider.look(steps)).await, replies);
        }
        if let Some(verb) = verb {
            let (steps, replies): (Vec<_>, Vec<_>) = closes.into_iter().unzip();
            self.deliver(credentials, self.guarded(self.provider.close(verb, steps)).await, replies);
        }
    }

    /// Runs a provider's work within its time and behind a wall: what it does not answer is an unknown outcome for each of
    /// its steps, and the worker lives on.
    async fn guarded<T>(&self, work: impl Future<Output = Vec<T>>) -> Vec<T> {
        let limit = self.base.clock.boot().plus(self.base.settings.command_limit);
        tokio::select! {
            biased;
            results = AssertUnwindSafe(work).catch_unwind() => results.unwrap_or_else(|_| {
                tracing::error!(target_id = %self.target, "A provider panicked");
                Vec::new()
            }),
            () = self.base.clock.sleep_until(limit) => {
                tracing::error!(target_id = %self.target, "A provider did not answer within its limit");
                Vec::new()
            }
        }
    }

    /// Hands out the results of a batch that began when credentials had been changed so often.
    fn deliver<T>(&self, credentials: u64, results: Vec<Result<T, Failure>>, replies: Vec<Reply<T>>) {
        let about = breaker::about_target(results.iter().map(|result| result.as_ref().err())).cloned();
        let change = {
            let mut entropy = self.base.entropy();
            let breaker = &mut lock(&self.state).breaker;
            // What was refused with a credential that is no longer the one must not hold back the one that is.
            let refused = about.as_ref().is_some_and(|failure| failure.class == FailureClass::CredentialsRefused);
            if refused && credentials != self.base.credentials() && !breaker.is_open() {
                breaker::Change::None
            } else {
                breaker.observe(&self.base.settings, self.base.clock.boot(), about.as_ref(), &mut **entropy)
            }
        };
        let mut results = results.into_iter();
        for reply in replies {
            let result = results
                .next()
                .unwrap_or_else(|| Err(Failure::new(FailureClass::OutcomeUnknown, "the command got no answer")));
            drop(reply.send(result));
        }
        if change == breaker::Change::Returned {
            tracing::info!(target_id = %self.target, "Target answers again");
            self.base.returned(&self.target);
        }
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, Failure>>) -> Result<T, Failure> {
    answer.await.unwrap_or_else(|_| {
        // Only the end of the process or a panic in the provider drops a reply; what was sent may have taken effect.
        Err(Failure::new(FailureClass::OutcomeUnknown, "the command was interrupted"))
    })
}

/// Chooses the kind of work to do next. A place is always left for what cuts access, and one more for launches.
fn choose(state: &State, places: usize) -> Option<Verb> {
    let waits = |verb: &Verb| state.waiting.get(verb).is_some_and(|jobs| !jobs.is_empty());
    let first =
        |urgency: Urgency| state.waiting.keys().copied().filter(|verb| verb.urgency() == urgency).find(|v| waits(v));
    // `running` counts the worker that asks.
    let fits = |reserved: usize| state.running <= places.saturating_sub(reserved).max(1);
    if let Some(verb) = first(Urgency::Cutting) {
        return Some(verb);
    }
    if let Some(verb) = first(Urgency::Opening).filter(|_| fits(1)) {
        return Some(verb);
    }
    let rest: Vec<Verb> =
        state.waiting.keys().copied().filter(|verb| verb.urgency() == Urgency::Rest && waits(verb)).collect();
    let after = state.rest_served.and_then(|served| rest.iter().copied().find(|verb| *verb > served));
    after.or_else(|| rest.first().copied()).filter(|_| fits(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::authorise::{PersonFacts, RecordFacts, authorise};
    use mayfly_domain::{Owed, PersonName, RecordName, WallTime};

    const PLACES: usize = 4;

    /// What is chosen while these wait and so many run, the one that asks included.
    fn chosen(waiting: &[Verb], running: usize, rest_served: Option<Verb>) -> Option<Verb> {
        let mut state = State { running, rest_served, ..State::default() };
        for verb in waiting {
            state.waiting.entry(*verb).or_default().push_back(job(*verb));
        }
        choose(&state, PLACES)
    }

    fn job(verb: Verb) -> Job {
        let change = crate::plan::tests::row(mayfly_domain::ChangeKind::Account, false, true);
        let owed = Owed::from_ledger(change.id.clone(), change.target.clone());
        let scope = crate::ports::provider::SessionScope::All;
        match verb {
            Verb::Open => {
                let (person, record) = (PersonName::parse("a").unwrap(), RecordName::parse("r").unwrap());
                let may_launch = [record.clone()];
                let facts = PersonFacts { name: &person, disabled: false, may_launch: &may_launch };
                let record = RecordFacts { name: &record, duration: std::time::Duration::from_secs(1) };
                let permit = Arc::new(authorise(facts, record, &[], WallTime::from_micros(0)).unwrap());
                Job::Open(Box::new(OpenStep { change, secret: None, highest_id: None, permit }), oneshot::channel().0)
            }
            Verb::Look => Job::Look(Box::new(LookStep { change, owed, scope }), oneshot::channel().0),
            Verb::Close(close) => Job::Close(close, Box::new(CloseStep { change, owed, scope }), oneshot::channel().0),
        }
    }

    /// DESIGN §4, "Limits": cutting access comes first, then launches, then the rest of removal.
    #[test]
    fn what_cuts_access_comes_first_then_launches_then_the_rest() {
        use CloseVerb::{Disable, Remove};
        let (cut, rest) = (Verb::Close(Disable), Verb::Close(Remove));
        assert_eq!(chosen(&[rest, Verb::Open, cut], 1, None), Some(cut));
        assert_eq!(chosen(&[rest, Verb::Open], 1, None), Some(Verb::Open));
        assert_eq!(chosen(&[rest], 1, None), Some(rest));
        assert_eq!(chosen(&[], 1, None), None);
    }

    /// One place is never taken by anything but what cuts access, and one more by nothing but that and launches.
    #[test]
    fn places_are_kept_for_what_is_urgent() {
        use CloseVerb::{Disable, Remove};
        let (cut, rest) = (Verb::Close(Disable), Verb::Close(Remove));
        assert_eq!(chosen(&[rest], PLACES - 2, None), Some(rest));
        assert_eq!(chosen(&[rest], PLACES - 1, None), None);
        assert_eq!(chosen(&[rest, Verb::Open], PLACES - 1, None), Some(Verb::Open));
        assert_eq!(chosen(&[rest, Verb::Open], PLACES, None), None);
        assert_eq!(chosen(&[rest, Verb::Open, cut], PLACES, None), Some(cut));
    }

    /// A stream of looks does not starve removals.
    #[test]
    fn the_rest_takes_turns() {
        let (hand_over, remove) = (Verb::Close(CloseVerb::HandOver), Verb::Close(CloseVerb::Remove));
        let all = [hand_over, remove, Verb::Look];
        let mut served = None;
        let mut order = Vec::new();
        for _ in 0..4 {
            served = chosen(&all, 1, served);
            order.extend(served);
        }
        assert_eq!(order, [hand_over, remove, Verb::Look, hand_over]);
    }
}
