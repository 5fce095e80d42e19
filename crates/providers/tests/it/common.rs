//! What the tests of all kinds of targets share: randomness, a credential, a permit, and changes as the ledger would hold them.

use async_trait::async_trait;
use mayfly_dial::{Credential, Credentials, Dialer};
use mayfly_domain::authorise::{PersonFacts, RecordFacts, authorise};
use mayfly_domain::{
    Authorised, ChangeId, ChangeKind, ChangeState, CredentialRef, Destination, Entropy, Failure, Owed, Permit,
    PersonName, RecordName, Secret, SessionId, WallTime,
};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    CloseStep, LookStep, OpenStep, PlannedChange, Provider, SessionScope, Survey, SurveyRequest, SurveyStep, Wish,
};
use mayfly_providers::Services;
use mayfly_testbed::postgres::Login;
use std::sync::Arc;
use std::time::Duration;

/// The operating system's randomness.
pub struct Os;

impl Entropy for Os {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}

/// Gives out one log-in, wherever it is asked for.
struct Fixed(Login);

#[async_trait]
impl Credentials for Fixed {
    async fn fetch(&self, _: Permit<'_>, _: &CredentialRef, _: &Destination) -> Result<Credential, Failure> {
        Ok(Credential { login: self.0.user.clone(), secret: Secret::new(self.0.password.clone()) })
    }

    fn revision(&self) -> u64 {
        0
    }
}

/// What a provider needs, with one log-in as its administrative credential.
pub fn services(admin: &Login) -> Services {
    Services::new(Dialer, Arc::new(Fixed(admin.clone())), Box::new(Os))
}

/// Asks a provider for one wish.
pub async fn survey_with(provider: &dyn Provider, request: SurveyRequest) -> Result<Survey, Failure> {
    provider.survey(vec![SurveyStep { request, permit: Arc::new(permit()) }]).await.remove(0)
}

pub fn permit() -> Authorised {
    let person = PersonName::parse("alice").unwrap();
    let record = RecordName::parse("orders").unwrap();
    let facts = PersonFacts { name: &person, disabled: false, may_launch: std::slice::from_ref(&record) };
    let target = RecordFacts { name: &record, duration: Duration::from_secs(3600) };
    authorise(facts, target, &[], WallTime::from_micros(0)).unwrap()
}

/// A change as the ledger would hold it.
pub struct Change {
    pub row: ChangeRow,
    pub secret: Secret,
}

impl Change {
    pub fn new(wish: &Wish, planned: PlannedChange, target: &mayfly_domain::TargetId, now: WallTime) -> Self {
        let row = ChangeRow {
            id: ChangeId::random(&mut Os),
            session: SessionId::random(&mut Os),
            provider: wish.provider.clone(),
            kind: planned.kind,
            target: target.clone(),
            place: wish.place.clone(),
            account: planned.account,
            group: planned.group,
            payload: planned.payload,
            state: ChangeState::Intended,
            since: now,
            depends_on: Vec::new(),
            last_moment: now.plus(Duration::from_secs(5)),
            confirmed: false,
            native_id: None,
            prior: planned.prior,
            held_since: now,
            exclusive: true,
            end_other_sessions: true,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: None,
        };
        Self { row, secret: Secret::password(&mut Os) }
    }

    pub fn open_step(&self) -> OpenStep {
        let secret = (self.row.kind == ChangeKind::Account).then(|| self.secret.clone());
        OpenStep { change: self.row.clone(), secret, highest_id: None, permit: Arc::new(permit()) }
    }

    pub fn owed(&self) -> Owed {
        Owed::from_ledger(self.row.id.clone(), self.row.target.clone())
    }

    pub fn close_step(&self, scope: SessionScope) -> CloseStep {
        CloseStep { change: self.row.clone(), owed: self.owed(), scope }
    }

    pub fn look_step(&self, scope: SessionScope) -> LookStep {
        LookStep { change: self.row.clone(), owed: self.owed(), scope }
    }

    pub fn name(&self) -> &str {
        self.row.account.as_str()
    }
}
