//! One queue for each target: a bounded number of commands in flight, what cuts access before launches before the rest of
//! removal, and steps of one verb that wait together go together.

mod choice;

use crate::base::Base;
use crate::breaker::{self, Admission, Breaker};
use crate::ports::provider::{CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Pace, Provider, Sight};
use crate::sync::lock;
use choice::{Capacity, Load, Verb};
use mayfly_domain::{BootTime, Failure, FailureClass, TargetId};
use std::collections::{BTreeMap, VecDeque};
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
    load: Load,
    breaker: Breaker,
}

impl State {
    fn choose(&self, capacity: Capacity) -> Option<Verb> {
        let waiting = self.waiting.iter().map(|(verb, jobs)| (*verb, jobs.len())).collect();
        self.load.choose(&waiting, capacity)
    }
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
            running: state.load.running,
            failure: state.breaker.failure().cloned(),
        }
    }

    fn submit(self: &Arc<Self>, job: Job) {
        lock(&self.state).waiting.entry(job.verb()).or_default().push_back(job);
        self.start();
    }

    fn capacity(&self) -> Capacity {
        let settings = &self.base.settings;
        Capacity { pace: self.provider.pace(), places: settings.commands_per_target, batch: settings.batch }
    }

    /// Starts another worker, if there is a place and something to do in it.
    fn start(self: &Arc<Self>) {
        let capacity = self.capacity();
        {
            let mut state = lock(&self.state);
            if state.load.running >= capacity.places {
                return;
            }
            state.load.running += 1;
            if state.choose(capacity).is_none() {
                state.load.running -= 1;
                return;
            }
        }
        let queue = Arc::clone(self);
        self.base.tasks.spawn("target worker", async move { queue.work().await });
    }

    async fn work(self: Arc<Self>) {
        while let Some((verb, batch)) = self.next_batch() {
            let holds = Holds { queue: &self, verb };
            // What this one does not take may be worth another.
            self.start();
            if self.provider.pace() == Pace::Apart {
                self.run(batch).await;
                continue;
            }
            let past = || {
                drop(holds);
                self.start();
            };
            self.base.patiently(self.run(batch), past).await;
        }
    }

    /// The next batch to run; `None` gives the worker's place back.
    fn next_batch(&self) -> Option<(Verb, Vec<Job>)> {
        let capacity = self.capacity();
        loop {
            let mut state = lock(&self.state);
            let Some(verb) = state.choose(capacity) else {
                state.load.running -= 1;
                return None;
            };
            let most = match state.breaker.admit(self.base.clock.boot()) {
                Admission::Open => capacity.batch,
                Admission::Probe => 1,
                Admission::Refused(failure) => {
                    let refused = std::mem::take(&mut state.waiting);
                    drop(state);
                    refused.into_values().flatten().for_each(|job| job.refuse(failure.clone()));
                    continue;
                }
            };
            let jobs = state.waiting.get_mut(&verb)?;
            let batch: Vec<Job> = jobs.drain(..jobs.len().min(most)).collect();
            state.load.begin(verb);
            return Some((verb, batch));
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
            self.deliver(credentials, self.base.guarded(&self.target, self.provider.open(steps)).await, replies);
        }
        if !looks.is_empty() {
            let (steps, replies): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
            self.deliver(credentials, self.base.guarded(&self.target, self.provider.look(steps)).await, replies);
        }
        if let Some(verb) = verb {
            let (steps, replies): (Vec<_>, Vec<_>) = closes.into_iter().unzip();
            self.deliver(credentials, self.base.guarded(&self.target, self.provider.close(verb, steps)).await, replies);
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

/// A batch's hold on others of its kind, until dropped.
struct Holds<'a> {
    queue: &'a TargetQueue,
    verb: Verb,
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        lock(&self.queue.state).load.release(self.verb);
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, Failure>>) -> Result<T, Failure> {
    answer.await.unwrap_or_else(|_| {
        // Only the end of the process or a panic in the provider drops a reply; what was sent may have taken effect.
        Err(Failure::new(FailureClass::OutcomeUnknown, "the command was interrupted"))
    })
}
