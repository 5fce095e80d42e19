//! The suite's hands: what the engine would do with a provider, one call at a time.

use super::rig::Rig;
use crate::entropy::Seeded;
use mayfly_domain::authorise::{PersonFacts, RecordFacts, authorise};
use mayfly_domain::{
    AccountName, Authorised, ChangeId, ChangeKind, ChangeState, Entropy, Failure, InstallationId, Mark, Owed,
    PersonName, Prefix, RecordName, Secret, SessionId, WallTime,
};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    AccountWish, CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Presence, Provider, SessionScope, Sight,
    Survey, SurveyRequest, SurveyStep, Wish,
};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// From the survey to the deadline that the target holds.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);
/// How long after a survey an opening command may take effect; generous, since a rig may be slow.
const LAST_MOMENT: Duration = Duration::from_secs(120);
/// How often sessions are told to end before the suite gives up.
const END_ROUNDS: u32 = 200;

/// A rig, and the names that one case has drawn so far.
pub struct Bench<'a> {
    /// The target.
    pub rig: &'a dyn Rig,
    provider: Arc<dyn Provider>,
    entropy: RefCell<Seeded>,
}

/// One wish, what was surveyed for it, and the rows that the ledger would hold.
pub struct Subject {
    /// What was wished.
    pub wish: Wish,
    /// What was read.
    pub survey: Survey,
    /// What the ledger would hold.
    pub rows: Vec<ChangeRow>,
    /// The password of an account that is made.
    pub secret: Secret,
}

impl Subject {
    /// The account's name.
    pub fn account(&self) -> &str {
        self.wish.account.name().as_str()
    }

    /// The row of that kind.
    pub fn row(&self, kind: ChangeKind) -> &ChangeRow {
        self.rows.iter().find(|row| row.kind == kind).unwrap_or_else(|| panic!("no {kind:?} was planned"))
    }

    /// The row of that kind, to change it.
    pub fn row_mut(&mut self, kind: ChangeKind) -> &mut ChangeRow {
        self.rows.iter_mut().find(|row| row.kind == kind).unwrap_or_else(|| panic!("no {kind:?} was planned"))
    }
}

impl<'a> Bench<'a> {
    /// A bench at a rig.
    pub fn new(rig: &'a dyn Rig) -> Self {
        Self { rig, provider: rig.provider(), entropy: RefCell::new(Seeded::new(rig.seed())) }
    }

    /// A word that nothing else on the target is called.
    pub fn word(&self, what: &str) -> String {
        format!("{what}_{:08x}", self.entropy.borrow_mut().next() >> 32)
    }

    /// An account of the target's own.
    pub async fn existing(&self) -> String {
        let name = self.word("person");
        self.rig.create_account(&name).await;
        name
    }

    /// A group of the target's own.
    pub async fn group(&self) -> String {
        let name = self.word("group");
        self.rig.create_group(&name).await;
        name
    }

    /// A wish for an account that is made.
    pub fn new_account(&self, group: Option<&str>) -> Wish {
        let entropy: &mut dyn Entropy = &mut *self.entropy.borrow_mut();
        let name = AccountName::random(&Prefix::default(), entropy);
        let mark = Mark { installation: InstallationId::random(entropy), session: SessionId::random(entropy) };
        self.rig.wish(AccountWish::Create { name, mark }, group)
    }

    /// A wish to lift an account that exists.
    pub fn lift(&self, account: &str, group: &str) -> Wish {
        self.rig.wish(AccountWish::Existing { name: AccountName::existing(account) }, Some(group))
    }

    /// Asks the provider what it would change.
    pub async fn survey(&self, wish: &Wish) -> Result<Survey, Failure> {
        let request = SurveyRequest { wish: wish.clone(), lifetime: LIFETIME };
        only(self.provider.survey(vec![SurveyStep { request, permit: Arc::new(permit()) }]).await)
    }

    /// Asks for several wishes in one batch.
    pub async fn survey_all(&self, wishes: &[Wish]) -> Vec<Result<Survey, Failure>> {
        let step = |wish: &Wish| SurveyStep {
            request: SurveyRequest { wish: wish.clone(), lifetime: LIFETIME },
            permit: Arc::new(permit()),
        };
        let answers = self.provider.survey(wishes.iter().map(step).collect()).await;
        assert_eq!(answers.len(), wishes.len(), "one result for each step");
        answers
    }

    /// Surveys and writes down, as a launch does.
    pub async fn plan(&self, wish: Wish) -> Subject {
        let survey = self.survey(&wish).await.unwrap();
        self.subject(wish, survey)
    }

    /// Writes down what was surveyed.
    pub fn subject(&self, wish: Wish, survey: Survey) -> Subject {
        let rows = self.freeze(&wish, &survey);
        let secret = Secret::password(&mut *self.entropy.borrow_mut());
        Subject { wish, survey, rows, secret }
    }

    fn freeze(&self, wish: &Wish, survey: &Survey) -> Vec<ChangeRow> {
        let entropy: &mut dyn Entropy = &mut *self.entropy.borrow_mut();
        let session = match &wish.account {
            AccountWish::Create { mark, .. } => mark.session.clone(),
            AccountWish::Existing { .. } => SessionId::random(entropy),
        };
        let ids: Vec<ChangeId> = survey.changes.iter().map(|_| ChangeId::random(entropy)).collect();
        let rows = survey.changes.iter().zip(&ids).map(|(planned, id)| ChangeRow {
            id: id.clone(),
            session: session.clone(),
            provider: wish.provider.clone(),
            kind: planned.kind,
            target: survey.target.clone(),
            place: wish.place.clone(),
            account: planned.account.clone(),
            group: planned.group.clone(),
            payload: planned.payload.clone(),
            state: if planned.prior { ChangeState::Present } else { ChangeState::Intended },
            since: survey.target_now,
            depends_on: planned.depends_on.iter().map(|&index| ids[index].clone()).collect(),
            last_moment: survey.target_now.plus(LAST_MOMENT),
            confirmed: planned.prior,
            native_id: None,
            prior: planned.prior,
            held_since: survey.target_now,
            exclusive: wish.exclusive,
            end_other_sessions: wish.end_other_sessions,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: None,
        });
        rows.collect()
    }

    /// One step of opening.
    pub fn open_step(&self, subject: &Subject, row: &ChangeRow) -> OpenStep {
        let made = matches!(subject.wish.account, AccountWish::Create { .. });
        let secret = made.then(|| subject.secret.clone());
        OpenStep { change: row.clone(), secret, highest_id: None, permit: Arc::new(permit()) }
    }

    /// Makes one change.
    pub async fn open_one(&self, subject: &Subject, row: &ChangeRow) -> Result<Opened, Failure> {
        only(self.provider.open(vec![self.open_step(subject, row)]).await)
    }

    /// Makes several changes in one batch.
    pub async fn open_all(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        let asked = steps.len();
        let answers = self.provider.open(steps).await;
        assert_eq!(answers.len(), asked, "one result for each step");
        answers
    }

    /// Makes everything that was planned, in order, and notes what was learnt as the ledger does.
    pub async fn open(&self, subject: &mut Subject) {
        for index in 0..subject.rows.len() {
            let row = subject.rows[index].clone();
            if row.prior {
                continue;
            }
            let opened = self.open_one(subject, &row).await.unwrap();
            learn(&mut subject.rows[index], &opened);
        }
    }

    /// Plans and opens in one go.
    pub async fn launch(&self, wish: Wish) -> Subject {
        let mut subject = self.plan(wish).await;
        self.open(&mut subject).await;
        subject
    }

    /// Looks at one change.
    pub async fn look(&self, row: &ChangeRow, scope: SessionScope) -> Result<Sight, Failure> {
        only(self.provider.look(vec![LookStep { change: row.clone(), owed: owed(row), scope }]).await)
    }

    /// Looks at several changes in one batch.
    pub async fn look_all(&self, rows: &[&ChangeRow]) -> Vec<Result<Sight, Failure>> {
        let step = |row: &&ChangeRow| LookStep { change: (*row).clone(), owed: owed(row), scope: SessionScope::All };
        let answers = self.provider.look(rows.iter().map(step).collect()).await;
        assert_eq!(answers.len(), rows.len(), "one result for each step");
        answers
    }

    /// One step of the way out.
    pub fn close_step(row: &ChangeRow, scope: SessionScope) -> CloseStep {
        CloseStep { change: row.clone(), owed: owed(row), scope }
    }

    /// Does one step of the way out.
    pub async fn close(&self, verb: CloseVerb, row: &ChangeRow, scope: SessionScope) -> Result<Closed, Failure> {
        only(self.provider.close(verb, vec![Self::close_step(row, scope)]).await)
    }

    /// Does one verb for several changes in one batch.
    pub async fn close_all(&self, verb: CloseVerb, rows: &[&ChangeRow]) -> Vec<Result<Closed, Failure>> {
        let steps: Vec<CloseStep> = rows.iter().map(|row| Self::close_step(row, SessionScope::All)).collect();
        let answers = self.provider.close(verb, steps).await;
        assert_eq!(answers.len(), rows.len(), "one result for each step");
        answers
    }

    /// Tells sessions to end until none is left.
    pub async fn end_sessions(&self, row: &ChangeRow, scope: SessionScope) {
        for _ in 0..END_ROUNDS {
            if self.close(CloseVerb::EndSessions, row, scope.clone()).await.unwrap().sessions_left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("sessions of {} do not end", row.account);
    }

    /// Walks the whole way out of a subject, as the engine does, and sees each change gone.
    pub async fn way_out(&self, subject: &Subject) {
        for row in subject.rows.iter().rev() {
            match row.kind {
                ChangeKind::Membership => self.leave(row).await,
                ChangeKind::Account | ChangeKind::Companion | ChangeKind::Trace => self.remove(row).await,
            }
        }
    }

    async fn leave(&self, row: &ChangeRow) {
        let scope = SessionScope::Between { from: row.held_since, until: None };
        self.end_sessions(row, scope.clone()).await;
        if row.prior {
            return;
        }
        let closed = self.close(CloseVerb::Withdraw, row, scope.clone()).await.unwrap();
        assert!(closed.gone_at.is_some(), "the moment from which on a log-in is not lifted any more has to be known");
        let sight =
            self.look(row, SessionScope::Between { from: row.held_since, until: closed.gone_at }).await.unwrap();
        assert!(!matches!(sight.presence, Presence::Ours { .. }), "{sight:?}");
        assert_eq!(sight.sessions, 0);
    }

    async fn remove(&self, row: &ChangeRow) {
        if row.kind == ChangeKind::Account {
            self.close(CloseVerb::Disable, row, SessionScope::All).await.unwrap();
            self.end_sessions(row, SessionScope::All).await;
        }
        let sight = self.look(row, SessionScope::All).await.unwrap();
        if matches!(sight.presence, Presence::Ours { leftovers: true, .. }) {
            let closed = self.close(CloseVerb::HandOver, row, SessionScope::All).await.unwrap();
            assert!(!closed.stays, "the rig's policy is that accounts go");
        }
        self.close(CloseVerb::Remove, row, SessionScope::All).await.unwrap();
        let sight = self.look(row, SessionScope::All).await.unwrap();
        assert_eq!((sight.presence, sight.sessions), (Presence::Absent, 0));
    }

    /// Waits until the target tells log-ins apart, and says what its clock shows then.
    pub async fn tick(&self) -> WallTime {
        tokio::time::sleep(self.rig.log_in_resolution()).await;
        let now = self.rig.now().await;
        tokio::time::sleep(self.rig.log_in_resolution()).await;
        now
    }
}

/// Notes in a row what making it brought about.
pub(super) fn learn(row: &mut ChangeRow, opened: &Opened) {
    row.state = ChangeState::Present;
    row.confirmed = true;
    row.native_id.clone_from(&opened.native_id);
    row.prior |= row.kind == ChangeKind::Membership && !opened.added;
}

fn permit() -> Authorised {
    let (person, record) = (PersonName::parse("alice").unwrap(), RecordName::parse("target").unwrap());
    let facts = PersonFacts { name: &person, disabled: false, may_launch: std::slice::from_ref(&record) };
    authorise(facts, RecordFacts { name: &record, duration: LIFETIME }, &[], WallTime::from_micros(0)).unwrap()
}

fn owed(row: &ChangeRow) -> Owed {
    Owed::from_ledger(row.id.clone(), row.target.clone())
}

fn only<T>(mut answers: Vec<T>) -> T {
    assert_eq!(answers.len(), 1, "one result for one step");
    answers.remove(0)
}
