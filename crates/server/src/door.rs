//! The door of the brokers: who may come in with a connect secret, and the session that they come into. A secret of 192
//! random bits cannot be guessed, so failures count against the source and never lock the person out.

use crate::bound;
use crate::context::Context;
use crate::credentials::SealedCredentials;
use crate::orders;
use crate::service;
use async_trait::async_trait;
use mayfly_access::connect_secret::{self, ConnectSecret};
use mayfly_access::objects::{Launch, Record};
use mayfly_access::signin::{Attempt, Source};
use mayfly_access::store::{ConnectSecrets, StoreError};
use mayfly_brokers::port::{
    Admitted, Claim, ConnectionGuard, Door, Ending, Joined, RefusalClass, Refused, SignIn, Standing, Turned,
};
use mayfly_dial::ssh::{UserCertificate, fingerprint_of_line};
use mayfly_dial::{Credential, Credentials};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{Authorised, ConnectionId, EndReason, Entropy, Failure, FailureClass, Login, Permit, SessionId};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::trace::{Moment, Span, Step, Tracer as _};
use mayfly_engine::{Cut, Seat, Signal};
use mayfly_protocol::mysql::auth::NativeVerifier;
use mayfly_protocol::scram::{Verifier, Verifiers};
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::sync::watch;

/// What a person is told when the trail or the store cannot be used.
const UNWRITABLE: &str = "the record of this server cannot be written now: nothing new is opened";
/// The iterations of every connect secret's verifier, and of those that unknown names are given. The secret needs none, but
/// RFC 7677 asks for 4096 and some clients insist.
pub(crate) const CONNECT_SECRET_ITERATIONS: NonZeroU32 = match NonZeroU32::new(4096) {
    Some(iterations) => iterations,
    None => NonZeroU32::MIN,
};

/// The door.
pub(crate) struct ServerDoor {
    context: Arc<Context>,
    credentials: Arc<SealedCredentials>,
    /// What the keys of unknown names are made of, which nobody can prove.
    mock: Arc<[u8; 32]>,
}

impl ServerDoor {
    /// The door of this server.
    pub(crate) fn new(context: Arc<Context>, credentials: Arc<SealedCredentials>) -> Self {
        let mut mock = [0_u8; 32];
        context.entropy().fill(&mut mock);
        Self { context, credentials, mock: Arc::new(mock) }
    }

    /// Whether the person has this key and is not switched off.
    async fn has_key(&self, claim: &Claim, fingerprint: &str) -> Result<bool, Turned> {
        let person = self.context.person(&claim.login.person).await.map_err(|error| {
            tracing::error!(%error, "A sign-in could not be judged");
            Turned::Busy
        })?;
        let is_it = |line: &String| fingerprint_of_line(line).is_some_and(|known| known == fingerprint);
        Ok(person.is_some_and(|person| !person.disabled && person.ssh_keys.iter().any(is_it)))
    }

    /// The connect secrets that could open this, each with its verifier.
    async fn candidates(&self, claim: &Claim) -> Result<Vec<(ConnectSecret, Verifier)>, StoreError> {
        let (person, record) = (&claim.login.person, &claim.login.record);
        let known = self.context.person(person).await?;
        let mut secrets = ConnectSecrets::of(&*self.context.store, person, record).await?;
        let (disabled, now) = (known.is_none_or(|person| person.disabled), self.context.clock.wall());
        secrets.retain(|secret| secret.admits(person, disabled, record, now).is_ok());
        let read = |secret: ConnectSecret| match Verifier::parse(&secret.verifier) {
            Ok(verifier) => Some((secret, verifier)),
            Err(error) => {
                tracing::error!(secret = %secret.id, %error, "A stored verifier cannot be read");
                None
            }
        };
        Ok(secrets.into_iter().filter_map(read).collect())
    }

    /// What somebody is checked against for whom there is no secret: it looks like what there would be.
    fn mock(&self, claim: &Claim) -> Verifier {
        let Login { person, record } = &claim.login;
        let salt = connect_secret::salt(self.context.store.installation(), person, record);
        Verifier::mock(&*self.mock, claim.login.to_string().as_bytes(), &salt, CONNECT_SECRET_ITERATIONS)
    }
}

#[async_trait]
impl Door for ServerDoor {
    async fn sign_in(&self, claim: Claim) -> Result<Box<dyn SignIn>, Turned> {
        let (source, came) = (Source::of(claim.source), Moment::now(&*self.context.clock));
        let attempt = self.context.signins().begin(None, source, self.context.clock.boot()).map_err(|held| {
            self.context.held_off(&held, source);
            Turned::Locked
        })?;
        let found = match self.candidates(&claim).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "A sign-in could not be judged");
                self.context.signins().abandoned(attempt);
                return Err(Turned::Busy);
            }
        };
        let (secrets, verifiers): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let mut verifiers = verifiers.into_iter();
        let first = verifiers.next().unwrap_or_else(|| self.mock(&claim));
        let verifiers = Verifiers::of_one_salt(first, verifiers);
        let attempt = OpenAttempt { context: Arc::clone(&self.context), attempt: Some(attempt) };
        let credentials = Arc::clone(&self.credentials);
        Ok(Box::new(SecretSignIn { attempt, credentials, claim, came, verifiers, secrets }))
    }

    async fn offers_key(&self, claim: &Claim, fingerprint: &str) -> Result<bool, Turned> {
        let source = Source::of(claim.source);
        // A source that is locked out learns nothing about keys either; asking alone counts as nothing.
        let attempt = self.context.signins().begin(None, source, self.context.clock.boot()).map_err(|held| {
            self.context.held_off(&held, source);
            Turned::Locked
        })?;
        self.context.signins().abandoned(attempt);
        self.has_key(claim, fingerprint).await
    }

    async fn proved_key(&self, claim: Claim, fingerprint: &str) -> Result<Box<dyn Admitted>, Turned> {
        let came = Moment::now(&*self.context.clock);
        if !self.has_key(&claim, fingerprint).await? {
            return Err(Turned::Failed);
        }
        let mut event = self.context.event(EventKind::SigninSucceeded, format!("person:{}", claim.login.person));
        event.person = Some(claim.login.person.clone());
        event.record = Some(claim.login.record.clone());
        event.connection = Some(claim.connection.clone());
        let event = event.with("method", "ssh_key").with("source", claim.source).with("key", fingerprint);
        if let Err(error) = self.context.record(vec![event]).await {
            tracing::error!(%error, "A sign-in could not be put on record");
            return Err(Turned::Busy);
        }
        let (context, credentials) = (Arc::clone(&self.context), Arc::clone(&self.credentials));
        Ok(Box::new(Person::new(context, credentials, claim, came)))
    }
}

/// An attempt that counts as abandoned unless it is judged.
struct OpenAttempt {
    context: Arc<Context>,
    attempt: Option<Attempt>,
}

impl Drop for OpenAttempt {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.context.signins().abandoned(attempt);
        }
    }
}

/// A sign-in with a connect secret.
struct SecretSignIn {
    attempt: OpenAttempt,
    credentials: Arc<SealedCredentials>,
    claim: Claim,
    came: Moment,
    verifiers: Verifiers,
    /// The secrets that the verifiers are of; none for one that nobody can prove.
    secrets: Vec<ConnectSecret>,
}

#[async_trait]
impl SignIn for SecretSignIn {
    fn verifiers(&self) -> &Verifiers {
        &self.verifiers
    }

    fn native_verifiers(&self) -> Vec<NativeVerifier> {
        // Where there is nothing to prove, a hash stands that was drawn, of which nobody knows anything that it is the hash of.
        let drawn = || {
            let mut bytes = [0; 20];
            self.attempt.context.entropy().fill(&mut bytes);
            bytes
        };
        let kept = self.secrets.iter().map(|secret| secret.native.unwrap_or_else(drawn));
        let nobody = self.secrets.is_empty().then(drawn);
        kept.chain(nobody).map(NativeVerifier::from_bytes).collect()
    }

    async fn proved(mut self: Box<Self>, which: usize) -> Result<Box<dyn Admitted>, Turned> {
        let context = Arc::clone(&self.attempt.context);
        let Some(secret) = self.secrets.get(which) else {
            tracing::error!("A verifier that nobody can prove was proved");
            return Err(Turned::Failed);
        };
        let mut event = context.event(EventKind::ConnectSecretUsed, format!("person:{}", self.claim.login.person));
        event.person = Some(self.claim.login.person.clone());
        event.record = Some(self.claim.login.record.clone());
        event.connection = Some(self.claim.connection.clone());
        let event = event.with("source", self.claim.source).with("secret", secret.id.as_str());
        match ConnectSecrets::used(&*context.store, &secret.id, context.clock.wall(), vec![event]).await {
            Ok(true) => {}
            Ok(false) => return Err(Turned::Failed),
            Err(error) => {
                tracing::error!(%error, "A sign-in could not be put on record");
                return Err(Turned::Busy);
            }
        }
        if let Some(attempt) = self.attempt.attempt.take() {
            context.signins().succeeded(attempt);
        }
        Ok(Box::new(Person::new(context, self.credentials, self.claim, self.came)))
    }

    async fn failed(mut self: Box<Self>) {
        let context = Arc::clone(&self.attempt.context);
        let Some(attempt) = self.attempt.attempt.take() else { return };
        let locks = context.signins().failed(attempt, context.clock.boot(), context.clock.wall());
        let events = context.lock_events(locks);
        if !events.is_empty()
            && let Err(error) = context.record(events).await
        {
            tracing::error!(%error, "A lock could not be put on record");
        }
    }
}

/// A person who has proved who they are, on one connection.
struct Person {
    context: Arc<Context>,
    credentials: Arc<SealedCredentials>,
    claim: Claim,
    /// When they came, and when they had shown who they are.
    came: Moment,
    known: Moment,
}

fn busy() -> Refused {
    Refused { class: RefusalClass::Busy, text: UNWRITABLE.to_owned() }
}

/// What a launch's failure means to somebody who waits for it.
fn refused(failure: Failure) -> Refused {
    let class = match failure.class {
        FailureClass::Unreachable | FailureClass::CredentialsRefused => RefusalClass::Unreachable,
        FailureClass::Busy => RefusalClass::Busy,
        FailureClass::NotPermitted
        | FailureClass::Conflict
        | FailureClass::IdentityChanged
        | FailureClass::OutcomeUnknown
        | FailureClass::Bug => RefusalClass::Failed,
    };
    Refused { class, text: failure.text }
}

impl Person {
    fn new(context: Arc<Context>, credentials: Arc<SealedCredentials>, claim: Claim, came: Moment) -> Self {
        let known = Moment::now(&*context.clock);
        Self { context, credentials, claim, came, known }
    }

    /// Tells what was done at the door before the session was known.
    fn tell(&self, session: &SessionId, decided: Moment, record: &Record) {
        let steps = [(Step::SignIn, self.came, self.known), (Step::Decision, self.known, decided)];
        for (step, began, over) in steps {
            self.context.tracer.take(Span {
                record: Some(self.claim.login.record.clone()),
                provider: Some(orders::provider(record).to_owned()),
                connection: Some(self.claim.connection.clone()),
                ..Span::between(session, step, began.wall(), began.until(over))
            });
        }
    }

    /// While the server is drained, those who are in a session may come into it again, and nobody opens one.
    async fn check_draining(&self) -> Result<(), Refused> {
        let login = &self.claim.login;
        if self.context.drain.held().is_none() || self.context.engine.is_running(&login.person, &login.record) {
            return Ok(());
        }
        let text = "this server is about to be stopped and opens nothing new: try again in a while";
        self.refuse(RefusalClass::Busy, text).await
    }

    /// Puts a refusal on record and makes it.
    async fn refuse<T>(&self, class: RefusalClass, text: &str) -> Result<T, Refused> {
        let login = &self.claim.login;
        let mut event = self.context.event(EventKind::AccessDenied, format!("person:{}", login.person));
        event.person = Some(login.person.clone());
        event.record = Some(login.record.clone());
        event.connection = Some(self.claim.connection.clone());
        event.reason = Some(text.to_owned());
        self.context.record(vec![event]).await.map_err(|_| busy())?;
        Err(Refused { class, text: text.to_owned() })
    }

    /// A record that is opened with another protocol is refused before anything is made.
    fn check_protocol(&self, record: &Record) -> Result<(), Refused> {
        let login = &self.claim.login;
        let (spoken, what) = service::spoken(record);
        if self.claim.protocol == spoken {
            return Ok(());
        }
        let text = format!("{} is {what}", login.record);
        Err(Refused { class: RefusalClass::NotPermitted, text })
    }

    /// Decides, with what the store holds now. A refusal is on record before it is answered.
    async fn authorise(&self) -> Result<(Arc<Authorised>, Record), Refused> {
        let login = &self.claim.login;
        let read = async {
            Ok::<_, StoreError>((
                self.context.person(&login.person).await?,
                self.context.resource(&login.record).await?,
            ))
        };
        let (person, record) = read.await.map_err(|error| {
            tracing::error!(%error, "A decision could not be made");
            busy()
        })?;
        let decision = self.context.decide(person.as_ref(), record.as_ref());
        match (decision, record) {
            (Ok(proof), Some(record)) => Ok((Arc::new(proof), record)),
            (decision, _) => {
                let text = decision.err().map_or_else(String::new, |refusal| refusal.to_string());
                self.refuse(RefusalClass::NotPermitted, &text).await
            }
        }
    }

    /// The certificate for the key of the session, where the host trusts the authority of its record.
    fn certificate(&self, joined: &mayfly_engine::Joined) -> Result<Option<UserCertificate>, Refused> {
        self.context.certificate(&self.claim.login.record, joined).map_err(refused)
    }

    /// The user record whose account the session uses, where the record names one.
    async fn launch_user(&self, record: &Record) -> Result<Option<mayfly_access::objects::UserRecord>, Refused> {
        match &record.resource().jit.launch {
            Launch::Ephemeral => Ok(None),
            Launch::Existing { user } => match self.context.user(user).await {
                Ok(Some(user)) => Ok(Some(user)),
                Ok(None) => Err(Refused {
                    class: RefusalClass::Failed,
                    text: format!(
                        "the user record {user} that {} launches with is gone: apply it again",
                        self.claim.login.record
                    ),
                }),
                Err(_) => Err(busy()),
            },
        }
    }
}

#[async_trait]
impl Admitted for Person {
    async fn join(self: Box<Self>) -> Result<Joined, Refused> {
        self.check_draining().await?;
        let (permit, record) = self.authorise().await?;
        self.check_protocol(&record)?;
        bound::check_links(&self.context.store, &record).await.map_err(refused)?;
        let launch = self.launch_user(&record).await?;
        let (context, asked, decided) = (&self.context, self.came, Moment::now(&*self.context.clock));
        let order = |mark: &mayfly_domain::Mark| {
            let (authorities, prefix) = (&context.authorities, &context.prefix);
            orders::order(&record, launch.as_ref(), mark, authorities, prefix, asked, &mut context.entropy())
        };
        let joined =
            context.engine.join(Arc::clone(&permit), self.claim.connection.clone(), order).await.map_err(refused)?;
        self.tell(&joined.session, decided, &record);
        // What was decided before may not hold any more: the launch took its time.
        if let Err(refused) = self.authorise().await {
            // Where nobody can decide now, others who are in the session stay.
            if refused.class == RefusalClass::NotPermitted {
                let text = Some(refused.text.clone());
                drop(context.engine.end(&joined.session, EndReason::Terminated, "server", text));
            }
            return Err(refused);
        }
        let made = joined.secret.is_some();
        let certificate = self.certificate(&joined)?;
        let credential = match (joined.secret, &launch) {
            (Some(secret), _) => Credential { login: joined.account.as_str().to_owned(), secret },
            (None, Some(user)) => {
                let reference = user.credential();
                let fetched = self.credentials.fetch(Permit::Open(&permit), &reference, &joined.destination).await;
                fetched.map_err(refused)?
            }
            // The record was changed from an existing account to ephemeral ones while its session runs.
            (None, None) => {
                let text = "the record was changed while this session runs: end it and connect again".to_owned();
                return Err(Refused { class: RefusalClass::Ending, text });
            }
        };
        let guard = Guard {
            context: Arc::clone(context),
            login: self.claim.login.clone(),
            connection: self.claim.connection.clone(),
            session: joined.session.clone(),
            seat: joined.seat,
            native: None,
            provider: orders::provider(&record),
            joined: Moment::now(&*context.clock),
        };
        Ok(Joined {
            session: joined.session,
            destination: joined.destination,
            credential,
            made,
            certificate,
            service: service::of(record),
            authorised: permit,
            standing: standing(context, joined.deadline, joined.cut),
            guard: Box::new(guard),
        })
    }
}

/// The session's standing as the broker follows it.
fn standing(context: &Arc<Context>, until: mayfly_domain::BootTime, cut: Signal<Cut>) -> watch::Receiver<Standing> {
    let (sender, receiver) = watch::channel(Standing::Open { until });
    context.tasks.spawn("standing", async move {
        tokio::select! {
            biased;
            cut = cut.wait() => {
                sender.send_replace(Standing::Cut(Ending { reason: cut.reason, sentence: cut.sentence }));
                // Kept until the broker has seen it: a sender that is gone would mean that the server is stopping.
                sender.closed().await;
            }
            () = sender.closed() => {}
        }
    });
    receiver
}

/// A connection's place in its session.
struct Guard {
    context: Arc<Context>,
    login: Login,
    connection: ConnectionId,
    session: SessionId,
    seat: Seat,
    native: Option<String>,
    provider: &'static str,
    joined: Moment,
}

impl Guard {
    /// Tells of a step of this connection that is over now.
    fn tell(&self, step: Step, began: Moment, failure: Option<FailureClass>) {
        self.context.tracer.take(Span {
            record: Some(self.login.record.clone()),
            provider: Some(self.provider.to_owned()),
            connection: Some(self.connection.clone()),
            failure,
            ..Span::since(&self.session, step, began, &*self.context.clock)
        });
    }
}

#[async_trait]
impl ConnectionGuard for Guard {
    fn opened(&mut self, native_id: String) {
        self.native = Some(native_id);
    }

    async fn started(&mut self) -> Result<(), Refused> {
        self.tell(Step::LogIn, self.joined, None);
        let began = Moment::now(&*self.context.clock);
        let started = self.seat.started(self.native.take()).await;
        self.tell(Step::Ready, began, started.as_ref().err().map(|failure| failure.class));
        started.map_err(refused)
    }

    async fn met_another(&mut self, text: String) {
        let mut event = self.context.event(EventKind::TargetIdentityChanged, "server");
        event.person = Some(self.login.person.clone());
        event.record = Some(self.login.record.clone());
        event.session = Some(self.session.clone());
        event.connection = Some(self.connection.clone());
        event.reason = Some(text);
        if let Err(error) = self.context.record(vec![event]).await {
            tracing::error!(?error, "That another target answers could not be put on record");
        }
    }
}
