//! Trying a record out: a session like any other, of the administrator who asks, which is launched, used once and taken away
//! again. It goes the way of every session, so what is intended stands in the ledger before it is done, and a crash leaves
//! nothing behind. What is told of it names neither a secret nor a host.

use crate::bound;
use crate::context::Context;
use crate::credentials::SealedCredentials;
use crate::orders;
use crate::taps::Tap;
use mayfly_access::objects::{Launch, Record, UserRecord};
use mayfly_dial::{Credential, Credentials};
use mayfly_domain::authorise::authorise_exercise;
use mayfly_domain::{
    Administration, Authorised, ChangeKind, ConnectionId, EndReason, Endpoint, Failure, FailureClass, Permit,
    RecordName,
};
use mayfly_engine::ports::clock::Clock as _;
use mayfly_engine::ports::ledger::Ledger as _;
use mayfly_engine::ports::provider::CloseVerb;
use mayfly_engine::ports::trace::{Moment, Span, Step};
use mayfly_engine::{Closing, Joined, Order};
use mayfly_providers::{Check, Visit, VisitRequest};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How one step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Went {
    /// As it should.
    Well,
    /// It failed.
    Wrong,
    /// This kind of target has no such step here.
    NotTried,
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// Its name, as traces have it.
    pub(crate) step: &'static str,
    /// How long it took.
    pub(crate) took: Option<Duration>,
    /// How it went.
    pub(crate) went: Went,
    /// What was done, or what went wrong.
    pub(crate) what: String,
    /// What to do where it went wrong.
    pub(crate) next: Vec<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The session.
    pub(crate) session: Option<String>,
    /// Its account.
    pub(crate) account: Option<String>,
    /// The steps, in their order.
    pub(crate) steps: Vec<Taken>,
}

impl Report {
    /// Whether every step that was tried went well.
    pub(crate) fn passed(&self) -> bool {
        self.steps.iter().all(|taken| taken.went != Went::Wrong)
    }

    fn add(&mut self, step: &'static str, took: Option<Duration>, went: Went, what: impl Into<String>) {
        self.steps.push(Taken { step, took, went, what: what.into(), next: Vec::new() });
    }

    /// Adds what was heard of the engine. `failure` is what made one of these steps fail: the last that did.
    fn heard(&mut self, spans: &[Span], failure: Option<&Failure>) {
        // The session as a whole is no step.
        let spans: Vec<&Span> = spans.iter().filter(|span| span.step != Step::Session).collect();
        let failed = spans.iter().rposition(|span| span.failure.is_some());
        for (index, span) in spans.into_iter().enumerate() {
            let took = Some(span.until.since(span.from));
            let what = match (span.failure, failure) {
                (None, _) => done(span).to_owned(),
                (Some(_), Some(failure)) if failed == Some(index) => failure.text.clone(),
                (Some(class), _) => format!("it failed ({}), and was tried again or left for later", class.as_str()),
            };
            self.add(span.step.as_str(), took, if span.failure.is_some() { Went::Wrong } else { Went::Well }, what);
        }
        if let (Some(failure), None) = (failure, failed) {
            self.add("launch", None, Went::Wrong, failure.text.clone());
        }
    }
}

/// What a step does, in words that hold for every kind of target.
fn done(span: &Span) -> &'static str {
    let lifted = matches!(span.change, Some((_, ChangeKind::Membership)));
    match span.step {
        Step::Survey => "the target was read: who it is, its clock, and whether everything is there that is needed",
        Step::Commit => "what would be changed was written down, before anything was changed",
        Step::Create if lifted => "the account was lifted into the group or role",
        Step::Create => "what was planned was made",
        Step::End => "the end was written down",
        Step::Close(CloseVerb::Disable) => "the account was closed to log-in",
        Step::Close(CloseVerb::EndSessions) => "its sessions on the target were ended",
        Step::Close(CloseVerb::Withdraw) => "the group or role was taken away",
        Step::Close(CloseVerb::HandOver) => "what the account owned was handed over or dropped",
        Step::Close(CloseVerb::Remove) => "what was made was removed",
        Step::Look => "the target was looked at: what is there of it",
        Step::Session | Step::SignIn | Step::Decision | Step::LogIn | Step::Ready => "it was done",
    }
}

/// Who asks, and for what.
pub(crate) struct Exercise<'a> {
    /// The server.
    pub(crate) context: &'a Arc<Context>,
    /// The administrator.
    pub(crate) by: &'a Administration,
    /// The record.
    pub(crate) record: &'a Record,
    /// What logs in to its kind of target.
    pub(crate) provider: &'a dyn Check,
}

impl Exercise<'_> {
    fn name(&self) -> &RecordName {
        &self.record.resource().name
    }

    /// Does it all. What goes wrong on the target is in the report.
    ///
    /// # Errors
    /// A [`Failure`] when it is not begun.
    pub(crate) async fn run(self) -> Result<Report, Failure> {
        let context = self.context;
        if context.drain.held().is_some() {
            let text = "this server is about to be stopped and opens nothing new: try again in a while";
            return Err(Failure::new(FailureClass::Busy, text));
        }
        let facts = self.record.resource().facts();
        let permit = authorise_exercise(self.by, facts, &context.lockdowns.concerned(), context.clock.wall());
        let permit = permit.map_err(|refusal| Failure::new(FailureClass::NotPermitted, refusal.to_string()))?;
        if context.engine.is_running(permit.person(), permit.record()) {
            let text = format!("{} is being tried out already: wait until that is over", self.name());
            return Err(Failure::new(FailureClass::Conflict, text));
        }
        bound::check_links(&context.store, self.record).await?;
        let launch = self.launch_user().await?;
        Ok(self.session(Arc::new(permit), launch.as_ref()).await)
    }

    /// The user record whose account is lifted, where the record names one.
    async fn launch_user(&self) -> Result<Option<UserRecord>, Failure> {
        let Launch::Existing { user } = &self.record.resource().jit.launch else { return Ok(None) };
        let found = self.context.user(user).await;
        let found =
            found.map_err(|error| Failure::new(FailureClass::Busy, format!("the store does not answer: {error}")))?;
        let gone = || {
            let text = format!("the user record {user} that {} launches with is gone: apply it again", self.name());
            Failure::new(FailureClass::Conflict, text)
        };
        found.ok_or_else(gone).map(Some)
    }

    async fn session(&self, permit: Arc<Authorised>, launch: Option<&UserRecord>) -> Report {
        let (context, asked) = (self.context, Moment::now(&*self.context.clock));
        let tap: Mutex<Option<Tap>> = Mutex::default();
        let order = |mark: &mayfly_domain::Mark| {
            *tap.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.tracer.listen(&mark.session));
            let (authorities, prefix) = (&context.authorities, &context.prefix);
            let entropy = &mut context.entropy();
            let order = orders::order(self.record, launch, mark, authorities, prefix, asked, entropy);
            Order { linger: Duration::ZERO, ..order }
        };
        let connection = ConnectionId::random(&mut context.entropy());
        let joined = context.engine.join(Arc::clone(&permit), connection, order).await;
        let tap = tap.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = Report::default();
        let Some(tap) = tap else {
            report.heard(&[], joined.err().as_ref());
            return report;
        };
        report.session = Some(tap.session().to_string());
        report.heard(&tap.heard(), joined.as_ref().err());
        let inside = match joined {
            Ok(joined) => {
                report.account = Some(joined.account.to_string());
                self.use_it(&permit, joined, launch, &mut report).await
            }
            Err(_) => None,
        };
        self.end(&tap, inside, &mut report).await;
        self.advise(&mut report);
        report
    }

    /// Logs in and looks around. What is returned stays logged in.
    async fn use_it(
        &self,
        permit: &Authorised,
        joined: Joined,
        launch: Option<&UserRecord>,
        report: &mut Report,
    ) -> Option<Box<dyn Visit>> {
        let clock = &self.context.clock;
        let began = clock.boot();
        let visit = self.visit(permit, &joined, launch).await;
        let took = Some(clock.boot().since(began));
        let log_in = Step::LogIn.as_str();
        let mut visit = match visit {
            Ok(Some(visit)) => {
                report.add(log_in, took, Went::Well, "somebody logged in as the account");
                visit
            }
            Ok(None) => {
                report.add(log_in, None, Went::NotTried, "this kind of target is not logged in to from here");
                return None;
            }
            Err(failure) => {
                report.add(log_in, took, Went::Wrong, failure.text);
                return None;
            }
        };
        let began = clock.boot();
        let started = joined.seat.started(visit.native()).await;
        let took = Some(clock.boot().since(began));
        let (went, what) = match started {
            Ok(()) => (Went::Well, "that somebody is in was written down".to_owned()),
            Err(failure) => (Went::Wrong, failure.text),
        };
        report.add(Step::Ready.as_str(), took, went, what);
        let began = clock.boot();
        let seen = visit.look_around().await;
        let took = Some(clock.boot().since(began));
        let (went, what) = seen.map_or_else(|failure| (Went::Wrong, failure.text), |told| (Went::Well, told));
        report.add("use", took, went, what);
        // Who is logged in with an account that is made here is ended with it; an account that stays is left in order.
        joined.secret.is_some().then_some(visit)
    }

    async fn visit(
        &self,
        permit: &Authorised,
        joined: &Joined,
        launch: Option<&UserRecord>,
    ) -> Result<Option<Box<dyn Visit>>, Failure> {
        let certificate = self.context.certificate(permit.record(), joined)?;
        let credential = match (&joined.secret, launch) {
            (Some(secret), _) => Credential { login: joined.account.to_string(), secret: secret.clone() },
            (None, Some(user)) => {
                let credentials =
                    SealedCredentials::new(Arc::clone(&self.context.store), Arc::clone(&self.context.vault));
                credentials.fetch(Permit::Open(permit), &user.credential(), &joined.destination).await?
            }
            (None, None) => return Err(Failure::new(FailureClass::Conflict, "the record was changed meanwhile")),
        };
        let database = match self.record {
            Record::Database(database) => Some(database.default_database.as_str()),
            Record::Machine(_) => None,
        };
        let elevate = self.record.resource().jit.elevate.as_ref().map(|grant| grant.role.as_str());
        let request = VisitRequest {
            permit,
            destination: &joined.destination,
            credential: &credential,
            made: joined.secret.is_some(),
            certificate: certificate.as_ref(),
            database,
            elevate,
        };
        self.provider.visit(&request).await
    }

    /// Ends the session, waits until it is over, and says what the ledger holds of it then.
    async fn end(&self, tap: &Tap, inside: Option<Box<dyn Visit>>, report: &mut Report) {
        let text = Some("the exercise is over".to_owned());
        let closed = self.context.engine.end(tap.session(), EndReason::Terminated, self.by.by(), text);
        let closing = match closed {
            Some(closed) => closed.await.unwrap_or(Closing::Outstanding),
            // It has come to its end already.
            None => Closing::Clean,
        };
        drop(inside);
        let left = self.left(tap).await;
        report.heard(&tap.heard(), left.as_ref().err());
        let (went, what) = match (left, closing) {
            (Ok(0), _) => (Went::Well, "nothing had been made on the target".to_owned()),
            (Ok(_), Closing::Clean) => {
                (Went::Well, "nothing of it is left on the target: that was seen there".to_owned())
            }
            (Ok(_), Closing::Outstanding) => (Went::Wrong, "it was not seen yet that nothing of it is left".to_owned()),
            (Err(failure), _) => {
                (Went::Wrong, format!("something of it is left, and is tried again: {}", failure.text))
            }
        };
        report.add("over", None, went, what);
    }

    /// How many changes there were, if nothing of them is owed any more; what stands in the way of the first if something is.
    async fn left(&self, tap: &Tap) -> Result<usize, Failure> {
        let unreadable = |error| Failure::new(FailureClass::Busy, format!("the ledger cannot be read: {error}"));
        let footprint = self.context.store.footprint(tap.session()).await.map_err(unreadable)?;
        let changes = footprint.map(|footprint| footprint.changes).unwrap_or_default();
        match changes.iter().find(|change| change.state.is_unfinished()) {
            None => Ok(changes.len()),
            Some(change) => {
                let unknown = || Failure::new(FailureClass::Busy, "it is being taken away still");
                Err(change.failure.clone().unwrap_or_else(unknown))
            }
        }
    }

    /// Says what to do about what went wrong, and takes the names of hosts out.
    fn advise(&self, report: &mut Report) {
        let resource = self.record.resource();
        let endpoints = [resource.administration().destination.endpoint, resource.sessions().endpoint];
        for taken in &mut report.steps {
            if taken.went == Went::Wrong {
                taken.next = match taken.step {
                    "over" => vec!["mayfly cleanup ls".to_owned()],
                    _ => vec![format!("mayfly record check {}", resource.name)],
                };
            }
            for endpoint in &endpoints {
                taken.what = nameless(&taken.what, endpoint);
            }
        }
    }
}

/// A text without the name of a host in it: what it is part of another word stays.
fn nameless(text: &str, endpoint: &Endpoint) -> String {
    const INSTEAD: &str = "the target";
    let text = text.replace(&endpoint.to_string(), INSTEAD);
    let is_part = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '-' || char == '_');
    let mut told = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(&endpoint.host).filter(|_| !endpoint.host.is_empty()) {
        let (before, from) = rest.split_at(at);
        let (host, after) = from.split_at(endpoint.host.len());
        let alone = !is_part(before.chars().next_back().or(told.chars().next_back())) && !is_part(after.chars().next());
        told.push_str(before);
        told.push_str(if alone { INSTEAD } else { host });
        rest = after;
    }
    told.push_str(rest);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_not_named() {
        let endpoint = Endpoint { host: "db".to_owned(), port: 5432 };
        for (text, told) in [
            ("db:5432 refuses it", "the target:5432 refuses it"),
            ("at db: db", "at the target: the target"),
            ("mydb, db1, a-db and adb stay", "mydb, db1, a-db and adb stay"),
            ("", ""),
        ] {
            let told = told.replace("the target:5432", "the target");
            assert_eq!(nameless(text, &endpoint), told);
        }
    }
}
