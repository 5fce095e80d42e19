//! A provider over fake targets, which goes wrong as its faults say.

use crate::faults::{Fate, Faults};
use crate::target::{Command, FakeTarget};
use async_trait::async_trait;
use mayfly_domain::{ChangeKind, Failure, FailureClass, Payload};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    AccountWish, CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, PlannedChange, Provider, Providers, Sight,
    Survey, SurveyRequest, SurveyStep,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The provider. The host name of a place chooses the target.
pub struct FakeProvider {
    targets: BTreeMap<String, Arc<FakeTarget>>,
    faults: Arc<Faults>,
    /// Whether every step of the way out is done twice.
    pub twice: bool,
}

impl FakeProvider {
    /// A provider for these targets, by host name.
    pub const fn new(targets: BTreeMap<String, Arc<FakeTarget>>, faults: Arc<Faults>) -> Self {
        Self { targets, faults, twice: false }
    }

    fn target(&self, host: &str) -> Arc<FakeTarget> {
        Arc::clone(&self.targets[host])
    }

    /// The target that a change is about, if it is the one that answers.
    fn target_of(&self, change: &ChangeRow) -> Result<Arc<FakeTarget>, Failure> {
        if change.payload.kind != "fake" {
            return Err(Failure::new(FailureClass::Bug, "this was not written by the fake"));
        }
        let target = self.target(&change.place.destination.endpoint.host);
        if *target.id() == change.target {
            return Ok(target);
        }
        Err(Failure::new(FailureClass::IdentityChanged, "another server answers there"))
    }

    /// Sends a command and waits for its answer, as the faults will have it.
    async fn send(&self, command: Command, what: &'static str) -> Result<(Opened, Closed), Failure> {
        self.faults.step(what).await;
        let target = self.target_of(command.change())?;
        let unknown = || Failure::new(FailureClass::OutcomeUnknown, "injected: no answer");
        let result = match self.faults.fate() {
            Fate::Normal => target.apply(&command),
            Fate::NotSent => return Err(Failure::new(FailureClass::Unreachable, "injected: not sent")),
            Fate::AnswerLost => {
                let _ = target.apply(&command);
                Err(unknown())
            }
            Fate::Late(delay) => {
                target.apply_later(command.clone(), delay);
                Err(unknown())
            }
        };
        self.faults.step("after it").await;
        result
    }

    /// What would be changed for one wish, as the faults will have it.
    async fn survey_one(&self, request: &SurveyRequest) -> Result<Survey, Failure> {
        self.faults.step("before survey").await;
        if self.faults.fate() != Fate::Normal {
            return Err(Failure::new(FailureClass::Unreachable, "injected: no answer to a survey"));
        }
        let target = self.target(&request.wish.place.destination.endpoint.host);
        let account = request.wish.account.name().clone();
        let group = request.wish.elevate.clone();
        if let Some(group) = group.as_ref().filter(|group| !target.has_group(group)) {
            return Err(bad(format!("there is no group {group}")));
        }
        let existing = matches!(request.wish.account, AccountWish::Existing { .. });
        if existing && !target.has_account(account.as_str()) {
            return Err(bad(format!("there is no account {account}")));
        }
        let mut changes = Vec::new();
        let payload = |bytes: Vec<u8>| Payload { kind: "fake".to_owned(), version: 1, bytes };
        match &request.wish.account {
            AccountWish::Create { mark, .. } => changes.push(PlannedChange {
                kind: ChangeKind::Account,
                account,
                group,
                prior: false,
                payload: payload(mark.to_string().into_bytes()),
                depends_on: Vec::new(),
                native_ids: None,
            }),
            AccountWish::Existing { .. } => changes.extend(group.map(|group| PlannedChange {
                kind: ChangeKind::Membership,
                prior: target.is_member(account.as_str(), &group),
                account,
                group: Some(group),
                payload: payload(Vec::new()),
                depends_on: Vec::new(),
                native_ids: None,
            })),
        }
        Ok(Survey { target: target.id().clone(), target_now: target.now(), changes })
    }
}

fn bad(text: String) -> Failure {
    Failure::new(FailureClass::Conflict, text)
}

#[async_trait]
impl Provider for FakeProvider {
    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>> {
        let mut results = Vec::new();
        for step in steps {
            results.push(self.survey_one(&step.request).await);
        }
        results
    }

    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        let mut results = Vec::new();
        for step in steps {
            let sent = self.send(Command::Open(Box::new(step.change)), "before open").await;
            results.push(sent.map(|(opened, _)| opened));
        }
        results
    }

    async fn look(&self, steps: Vec<LookStep>) -> Vec<Result<Sight, Failure>> {
        let mut results = Vec::new();
        for step in steps {
            self.faults.step("before look").await;
            results.push(if self.faults.fate() == Fate::Normal {
                self.target_of(&step.change).map(|target| target.look(&step.change, &step.scope))
            } else {
                Err(Failure::new(FailureClass::Unreachable, "injected: no answer to a look"))
            });
        }
        results
    }

    async fn close(&self, verb: CloseVerb, steps: Vec<CloseStep>) -> Vec<Result<Closed, Failure>> {
        let what = match verb {
            CloseVerb::Disable => "before disable",
            CloseVerb::EndSessions => "before ending sessions",
            CloseVerb::Withdraw => "before withdrawing",
            CloseVerb::HandOver => "before handing over",
            CloseVerb::Remove => "before removing",
        };
        let mut results = Vec::new();
        for step in steps {
            let command = Command::Close(verb, Box::new(step.change), step.scope);
            if self.twice {
                let _ = self.send(command.clone(), what).await;
            }
            results.push(self.send(command, what).await.map(|(_, closed)| closed));
        }
        results
    }
}

/// A registry of one provider, called `fake`.
pub struct OneProvider(pub Arc<dyn Provider>);

impl Providers for OneProvider {
    fn provider(&self, name: &str) -> Option<Arc<dyn Provider>> {
        (name == "fake").then(|| Arc::clone(&self.0))
    }
}
