//! Surveys: what a launch reads before anything is written down. Where a kind of target says that several cost little more than
//! one, those that wait for the same place while one is under way go together.

use crate::base::Base;
use crate::ports::provider::{Pace, Provider, Survey, SurveyStep};
use crate::sync::lock;
use mayfly_domain::{Failure, FailureClass, Place};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// A provider's name and a place. What is the same place for one provider is another's business to reach.
type Key = (String, Place);

type Reply = oneshot::Sender<Result<Survey, Failure>>;

/// What waits for one place.
#[derive(Default)]
struct Line {
    waiting: VecDeque<(SurveyStep, Reply)>,
    running: usize,
    /// Batches under way that keep others back.
    holding: usize,
}

/// The surveys under way and waiting, by place. The tables are only ever asked for one key.
pub(crate) struct Surveys {
    base: Arc<Base>,
    lines: Mutex<HashMap<Key, Line>>,
}

impl Surveys {
    pub(crate) fn new(base: Arc<Base>) -> Arc<Self> {
        Arc::new(Self { base, lines: Mutex::default() })
    }

    /// Surveys one wish, together with others that wait for the same place where its kind of target is worth that.
    pub(crate) async fn ask(self: &Arc<Self>, step: SurveyStep) -> Result<Survey, Failure> {
        let wish = &step.request.wish;
        let provider = self.base.provider(&wish.provider)?;
        if provider.pace() == Pace::Apart {
            let about = wish.place.destination.endpoint.clone();
            let seen = self.base.guarded(&about, provider.survey(vec![step])).await;
            return seen.into_iter().next().unwrap_or_else(unanswered);
        }
        let key = (wish.provider.clone(), wish.place.clone());
        let (reply, answer) = oneshot::channel();
        lock(&self.lines).entry(key.clone()).or_default().waiting.push_back((step, reply));
        self.start(&key, &provider);
        answer.await.unwrap_or_else(|_| unanswered())
    }

    /// Whether another batch may go now.
    fn is_due(&self, line: &Line) -> bool {
        let waiting = line.waiting.len();
        waiting > 0 && (line.holding == 0 || waiting >= self.base.settings.batch)
    }

    /// Starts another worker for a place, if there is something to do for it.
    fn start(self: &Arc<Self>, key: &Key, provider: &Arc<dyn Provider>) {
        {
            let mut lines = lock(&self.lines);
            let Some(line) = lines.get_mut(key) else { return };
            if line.running >= self.base.settings.commands_per_target || !self.is_due(line) {
                return;
            }
            line.running += 1;
        }
        let (surveys, key, provider) = (Arc::clone(self), key.clone(), Arc::clone(provider));
        self.base.tasks.spawn("surveys", async move { surveys.work(key, provider).await });
    }

    async fn work(self: Arc<Self>, key: Key, provider: Arc<dyn Provider>) {
        while let Some(batch) = self.next_batch(&key) {
            let holds = Holds { surveys: &self, key: &key };
            let (steps, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let asking = async {
                let endpoint = &key.1.destination.endpoint;
                let mut seen = self.base.guarded(endpoint, provider.survey(steps)).await.into_iter();
                for reply in replies {
                    // A launch that is gone does not want the answer.
                    drop(reply.send(seen.next().unwrap_or_else(unanswered)));
                }
            };
            let past = || {
                drop(holds);
                self.start(&key, &provider);
            };
            self.base.patiently(asking, past).await;
        }
    }

    /// The next batch to ask for; `None` gives the worker's place back.
    fn next_batch(&self, key: &Key) -> Option<Vec<(SurveyStep, Reply)>> {
        let mut lines = lock(&self.lines);
        let line = lines.get_mut(key)?;
        if self.is_due(line) {
            line.holding += 1;
            let most = line.waiting.len().min(self.base.settings.batch);
            return Some(line.waiting.drain(..most).collect());
        }
        line.running -= 1;
        if line.running == 0 && line.waiting.is_empty() {
            lines.remove(key);
        }
        None
    }
}

/// A batch's hold on others, until dropped.
struct Holds<'a> {
    surveys: &'a Surveys,
    key: &'a Key,
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        if let Some(line) = lock(&self.surveys.lines).get_mut(self.key) {
            line.holding -= 1;
        }
    }
}

/// A survey changes nothing, so nothing can have come of one without an answer.
fn unanswered() -> Result<Survey, Failure> {
    Err(Failure::new(FailureClass::Bug, "looking at the target before the launch got no answer"))
}
