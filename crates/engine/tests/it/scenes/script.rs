//! A provider that follows a script: it passes every step on to the fake unless a rule says otherwise, and keeps a record of
//! what it was asked, in which batches, and how much at a time.

use async_trait::async_trait;
use mayfly_contract::target::{Command, FakeTarget};
use mayfly_domain::{ChangeKind, Failure, FailureClass, TargetId, WallTime};
use mayfly_engine::Signal;
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Pace, PlannedChange, Provider, Sight, Survey, SurveyStep,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Rules that never run out.
pub(crate) const ALWAYS: u32 = u32::MAX;

/// What a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Survey,
    Open,
    Look,
    Close(CloseVerb),
}

/// What becomes of one step.
#[derive(Clone)]
pub(crate) enum Do {
    /// It has no effect and fails like this.
    Fail(FailureClass),
    /// It is passed on once the signal is set.
    Wait(Signal<()>),
    /// It is passed on after this time.
    Slow(Duration),
    /// It takes effect after this time, and nobody hears of it.
    Late(Duration),
    /// Once the signal is set it is on its way for this time, and nobody hears of it.
    Lost(Signal<()>, Duration),
    /// It never takes effect, and nobody hears of it.
    Never,
    /// The provider panics.
    Panic,
    /// Something happens on the target just before.
    First(Arc<dyn Fn() + Send + Sync>),
    /// A look says that the connection which carried the command is gone.
    CarrierGone,
    /// A step of the way out reports this many sentences.
    Report(usize),
    /// Handing over says that the account stays.
    Stays,
    /// A survey finds another server at the address.
    Another,
    /// A survey plans one more change of another account, which builds on the first.
    Companion(&'static str),
}

struct Rule {
    what: What,
    host: Option<&'static str>,
    left: u32,
    act: Do,
}

/// One step that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) what: What,
    pub(crate) host: String,
    pub(crate) account: String,
    pub(crate) at: WallTime,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    calls: Vec<Call>,
    batches: Vec<(What, usize)>,
    running: usize,
    most: usize,
    lifetimes: Vec<Duration>,
    pace: Pace,
}

/// The script, shared by the scene and the provider that follows it.
#[derive(Default)]
pub(crate) struct Script(Mutex<State>);

impl Script {
    pub(crate) fn over(self: &Arc<Self>, inner: Arc<dyn Provider>, targets: &Targets) -> Arc<dyn Provider> {
        Arc::new(Actor { script: Arc::clone(self), inner, targets: targets.clone() })
    }

    /// Adds a rule for so many steps.
    pub(crate) fn on(&self, what: What, times: u32, act: Do) {
        self.0.lock().unwrap().rules.push(Rule { what, host: None, left: times, act });
    }

    /// Adds a rule for every step on one host.
    pub(crate) fn on_host(&self, host: &'static str, what: What, act: Do) {
        self.0.lock().unwrap().rules.push(Rule { what, host: Some(host), left: ALWAYS, act });
    }

    /// Everything on this host fails like this.
    pub(crate) fn break_host(&self, host: &'static str, class: FailureClass) {
        use CloseVerb::{Disable, EndSessions, HandOver, Remove, Withdraw};
        for what in [What::Open, What::Look]
            .into_iter()
            .chain([Disable, EndSessions, Withdraw, HandOver, Remove].map(What::Close))
        {
            self.on_host(host, what, Do::Fail(class));
        }
    }

    /// Says how the targets take what waits at one moment.
    pub(crate) fn pace(&self, pace: Pace) {
        self.0.lock().unwrap().pace = pace;
    }

    /// Forgets all rules.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().rules.clear();
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
    }

    /// What was asked about an account, in order, surveys left out.
    pub(crate) fn steps(&self, account: &str) -> Vec<What> {
        self.calls().iter().filter(|c| c.account == account && c.what != What::Survey).map(|c| c.what).collect()
    }

    pub(crate) fn count(&self, what: What) -> usize {
        self.calls().iter().filter(|call| call.what == what).count()
    }

    pub(crate) fn batches(&self) -> Vec<(What, usize)> {
        self.0.lock().unwrap().batches.clone()
    }

    /// The most batches that ran at one time.
    pub(crate) fn most(&self) -> usize {
        self.0.lock().unwrap().most
    }

    pub(crate) fn lifetimes(&self) -> Vec<Duration> {
        self.0.lock().unwrap().lifetimes.clone()
    }

    fn act(&self, what: What, host: &str) -> Option<Do> {
        let mut state = self.0.lock().unwrap();
        let fits = |rule: &&mut Rule| rule.what == what && rule.left > 0 && rule.host.is_none_or(|h| h == host);
        let rule = state.rules.iter_mut().find(fits)?;
        rule.left = if rule.left == ALWAYS { ALWAYS } else { rule.left - 1 };
        Some(rule.act.clone())
    }
}

type Targets = BTreeMap<String, Arc<FakeTarget>>;

struct Actor {
    script: Arc<Script>,
    inner: Arc<dyn Provider>,
    targets: Targets,
}

struct Running<'a>(&'a Script);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().running -= 1;
    }
}

fn failed<T>(class: FailureClass) -> Result<T, Failure> {
    Err(Failure::new(class, format!("scripted: {}", class.as_str())))
}

impl Actor {
    fn batch(&self, what: What, size: usize) -> Running<'_> {
        let mut state = self.script.0.lock().unwrap();
        state.batches.push((what, size));
        state.running += 1;
        state.most = state.most.max(state.running);
        Running(&self.script)
    }

    /// Does what the script says before a step; `Some` when the step is not passed on.
    async fn before(&self, what: What, change: &ChangeRow, command: Option<Command>) -> (Option<Do>, Option<Failure>) {
        let host = change.place.destination.endpoint.host.clone();
        let target = &self.targets[&host];
        let (account, at) = (change.account.to_string(), target.now());
        self.script.0.lock().unwrap().calls.push(Call { what, host: host.clone(), account, at });
        let act = self.script.act(what, &host);
        let failure = match act.clone() {
            Some(Do::Fail(class)) => failed::<()>(class).err(),
            Some(Do::Wait(signal)) => {
                signal.wait().await;
                None
            }
            Some(Do::Slow(span)) => {
                tokio::time::sleep(span).await;
                None
            }
            Some(Do::Late(span)) => {
                target.apply_later(command.unwrap(), span);
                failed::<()>(FailureClass::OutcomeUnknown).err()
            }
            Some(Do::Lost(signal, span)) => {
                signal.wait().await;
                target.apply_later(command.unwrap(), span);
                failed::<()>(FailureClass::OutcomeUnknown).err()
            }
            Some(Do::Never) => failed::<()>(FailureClass::OutcomeUnknown).err(),
            Some(Do::Panic) => panic!("scripted"),
            Some(Do::First(happens)) => {
                happens();
                None
            }
            Some(Do::CarrierGone | Do::Report(_) | Do::Stays | Do::Another | Do::Companion(_)) | None => None,
        };
        (act, failure)
    }

    /// Does what the script says of one survey.
    async fn survey_one(&self, step: SurveyStep) -> Result<Survey, Failure> {
        let request = &step.request;
        let host = request.wish.place.destination.endpoint.host.clone();
        let (account, at) = (request.wish.account.name().to_string(), self.targets[&host].now());
        {
            let mut state = self.script.0.lock().unwrap();
            state.calls.push(Call { what: What::Survey, host: host.clone(), account, at });
            state.lifetimes.push(request.lifetime);
        }
        match self.script.act(What::Survey, &host) {
            Some(Do::Fail(class)) => failed(class),
            Some(Do::Wait(signal)) => {
                signal.wait().await;
                self.pass_on(step).await
            }
            Some(Do::Another) => {
                let survey = self.pass_on(step).await?;
                Ok(Survey { target: TargetId::new("fake", "another"), ..survey })
            }
            Some(Do::Companion(account)) => {
                let mut survey = self.pass_on(step).await?;
                let first = &survey.changes[0];
                survey.changes.push(PlannedChange {
                    kind: ChangeKind::Membership,
                    account: mayfly_domain::AccountName::existing(account),
                    group: Some("ops".to_owned()),
                    prior: false,
                    payload: first.payload.clone(),
                    depends_on: vec![0],
                    native_ids: None,
                });
                Ok(survey)
            }
            _ => self.pass_on(step).await,
        }
    }

    async fn pass_on(&self, step: SurveyStep) -> Result<Survey, Failure> {
        self.inner.survey(vec![step]).await.remove(0)
    }
}

#[async_trait]
impl Provider for Actor {
    fn pace(&self) -> Pace {
        self.script.0.lock().unwrap().pace
    }

    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>> {
        let _running = self.batch(What::Survey, steps.len());
        let mut results = Vec::new();
        for step in steps {
            results.push(self.survey_one(step).await);
        }
        results
    }

    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        let _running = self.batch(What::Open, steps.len());
        let mut results = Vec::new();
        for step in steps {
            let command = Command::Open(Box::new(step.change.clone()));
            match self.before(What::Open, &step.change, Some(command)).await.1 {
                Some(failure) => results.push(Err(failure)),
                None => results.extend(self.inner.open(vec![step]).await),
            }
        }
        results
    }

    async fn look(&self, steps: Vec<LookStep>) -> Vec<Result<Sight, Failure>> {
        let _running = self.batch(What::Look, steps.len());
        let mut results = Vec::new();
        for step in steps {
            let (act, failure) = self.before(What::Look, &step.change, None).await;
            if let Some(failure) = failure {
                results.push(Err(failure));
                continue;
            }
            let gone = matches!(act, Some(Do::CarrierGone));
            let seen = self.inner.look(vec![step]).await.into_iter();
            results.extend(seen.map(|one| one.map(|sight| Sight { carrier_gone: gone, ..sight })));
        }
        results
    }

    async fn close(&self, verb: CloseVerb, steps: Vec<CloseStep>) -> Vec<Result<Closed, Failure>> {
        let _running = self.batch(What::Close(verb), steps.len());
        let mut results = Vec::new();
        for step in steps {
            let command = Command::Close(verb, Box::new(step.change.clone()), step.scope.clone());
            let (act, failure) = self.before(What::Close(verb), &step.change, Some(command)).await;
            if let Some(failure) = failure {
                results.push(Err(failure));
                continue;
            }
            if matches!(act, Some(Do::Stays)) {
                results.push(Ok(Closed { stays: true, ..Closed::default() }));
                continue;
            }
            let mut done = self.inner.close(verb, vec![step]).await;
            if let (Some(Do::Report(lines)), Some(Ok(closed))) = (act, done.first_mut()) {
                closed.report = vec!["scripted".to_owned(); lines];
            }
            results.extend(done);
        }
        results
    }
}
