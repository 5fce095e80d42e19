//! Connect secrets: a person gives their password, or has signed in, and gets a secret for one record.

use super::Api;
use super::brokers;
use super::person::SignedIn;
use super::problem::{Body, Refusal};
use super::repeats::{NoStore, no_store};
use crate::context::Context;
use crate::door::CONNECT_SECRET_ITERATIONS;
use crate::peer::Peer;
use crate::{authority, orders, workers};
use axum::extract::State;
use axum::{Extension, Json};
use mayfly_access::connect_secret::{self, ConnectSecret, VALID_LONGEST};
use mayfly_access::objects::{DatabaseType, Launch, Person, Record};
use mayfly_access::people;
use mayfly_access::signin::{Attempt, Held, Source};
use mayfly_access::store::ConnectSecrets;
use mayfly_domain::audit::EventKind;
use mayfly_domain::authorise::Refusal as Denial;
use mayfly_domain::{Login, PersonName, RecordName, Secret, WallTime};
use mayfly_engine::ports::clock::Clock;
use mayfly_protocol::mysql::auth::NativeVerifier;
use mayfly_protocol::scram::Verifier;
use mayfly_wire::connect::{ConnectAnswer, ConnectRequest};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use std::sync::Arc;
use std::time::Duration;

/// One wording for every sign-in that fails, whatever was wrong.
pub(super) const WRONG: &str = "wrong name or password";

/// Get a connect secret for a native client
#[utoipa::path(
    post,
    path = paths::CONNECT,
    tag = "sessions",
    request_body = ConnectRequest,
    responses((status = OK, body = ConnectAnswer)),
    security((), ("person" = [])),
)]
pub(super) async fn connect(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    signed_in: Result<SignedIn, Refusal>,
    Body(request): Body<ConnectRequest>,
) -> Result<(NoStore, Json<ConnectAnswer>), Refusal> {
    let record = RecordName::parse(&request.record).map_err(|error| Refusal::new(Code::Invalid, error.to_string()))?;
    let valid = request.valid_s.map_or(VALID_LONGEST, Duration::from_secs);
    if valid.is_zero() || valid > VALID_LONGEST {
        return Err(Refusal::new(Code::Invalid, "a connect secret is valid for one second to eight hours"));
    }
    let (person, until) = match request.password.map(Secret::new) {
        Some(password) => {
            let name = PersonName::parse(&request.person.unwrap_or_default());
            let name = name.map_err(|_| Refusal::new(Code::SignIn, WRONG))?;
            (sign_in(&api.context, name, password, peer.source()).await?, None)
        }
        None => as_signed_in(&api.context, signed_in?, request.person.as_deref()).await?,
    };
    let record = permitted(&api.context, &person, &record).await?;
    let (secret, kept) = issue(&api, &person, &record, valid, until).await?;
    let ca_pem = authority::certificate(&api.data_directory).map_err(|error| {
        tracing::error!(%error, "The certificate of the local authority cannot be read");
        Refusal::new(Code::Server, "the certificate of the local authority cannot be read: see the server's log")
    })?;
    let off = |what: &str, setting: &str| {
        Refusal::new(Code::Conflict, format!("this server does not listen for {what}: set `{setting}` and restart it"))
    };
    let (broker, database) = match &record {
        Record::Database(database) => {
            let setting = match database.database_type {
                DatabaseType::Postgresql => "listen.postgres",
                DatabaseType::Mysql => "listen.mysql",
                DatabaseType::Mariadb => "listen.mariadb",
                DatabaseType::Mssql => "listen.mssql",
            };
            let broker = brokers::database(&api, database.database_type);
            let broker = broker.ok_or_else(|| off(database.database_type.title(), setting))?;
            (broker, database.default_database.clone())
        }
        Record::Machine(_) => (brokers::ssh(&api).ok_or_else(|| off("SSH", "listen.ssh"))?, String::new()),
    };
    let login = Login { person: person.name.clone(), record: record.resource().name.clone() };
    let answer = ConnectAnswer {
        user: login.to_string(),
        secret: secret.expose().to_owned(),
        expires_at: kept.expires.to_string(),
        protocol: broker.protocol,
        host: broker.host,
        port: broker.port,
        database,
        ca_pem,
        known_hosts: broker.known_hosts,
        notes: notes(&record),
    };
    Ok((no_store(), Json(answer)))
}

/// The person who has signed in, and until when a secret of theirs may be good: the sign-in is not made longer by it.
async fn as_signed_in(
    context: &Arc<Context>,
    SignedIn(oneself): SignedIn,
    asked: Option<&str>,
) -> Result<(Person, Option<WallTime>), Refusal> {
    if asked.is_some_and(|asked| asked != oneself.person().as_str()) {
        let text = format!("you have signed in as {}: others have to give their own password", oneself.person());
        return Err(Refusal::new(Code::NotPermitted, text));
    }
    let person = context.person(oneself.person()).await?;
    let person = person.ok_or_else(|| Refusal::new(Code::SignIn, WRONG))?;
    Ok((person, Some(oneself.until())))
}

/// Checks the password, with the same work for every name. The attempt is counted before it is judged.
pub(super) async fn sign_in(
    context: &Arc<Context>,
    name: PersonName,
    password: Secret,
    source: Source,
) -> Result<Person, Refusal> {
    let attempt = context.signins().begin(Some(&name), source, context.clock.boot()).map_err(|held| {
        context.held_off(&held, source);
        locked(&held)
    })?;
    let known = match context.person(&name).await {
        Ok(known) => known,
        Err(error) => {
            context.signins().abandoned(attempt);
            return Err(error.into());
        }
    };
    let hash = known.as_ref().filter(|person| !person.disabled).and_then(|person| person.password_hash.clone());
    let verified = workers::hashing(move || people::verify(&password, hash.as_deref())).await;
    judge(context, &name, source, attempt, verified).await?;
    known.ok_or_else(|| Refusal::new(Code::SignIn, WRONG))
}

fn locked(held: &Held) -> Refusal {
    Refusal::new(Code::Locked, held.to_string())
}

/// Counts how an attempt went and puts it on record.
async fn judge(
    context: &Arc<Context>,
    name: &PersonName,
    source: Source,
    attempt: Attempt,
    verified: bool,
) -> Result<(), Refusal> {
    if !verified {
        let locks = context.signins().failed(attempt, context.clock.boot(), context.clock.wall());
        let events = context.lock_events(locks);
        if !events.is_empty() {
            context.record(events).await?;
        }
        return Err(Refusal::new(Code::SignIn, WRONG));
    }
    context.signins().succeeded(attempt);
    let mut event = context.event(EventKind::SigninSucceeded, format!("person:{name}"));
    event.person = Some(name.clone());
    context.record(vec![event.with("method", "password").with("source", source)]).await?;
    Ok(())
}

/// The record, if this person may open it; a refusal is on record before it is answered.
async fn permitted(context: &Arc<Context>, person: &Person, name: &RecordName) -> Result<Record, Refusal> {
    let record = context.resource(name).await?;
    let decision = context.decide(Some(person), record.as_ref()).map(|_| ());
    match (decision, record) {
        (Ok(()), Some(record)) => Ok(record),
        (decision, _) => {
            let text = decision.err().unwrap_or(Denial::NotAllowed).to_string();
            let mut event = context.event(EventKind::AccessDenied, format!("person:{}", person.name));
            event.person = Some(person.name.clone());
            event.record = Some(name.clone());
            event.reason = Some(text.clone());
            context.record(vec![event]).await?;
            Err(Refusal::new(Code::NotPermitted, text))
        }
    }
}

/// Draws a secret and keeps its verifier beside those of before.
async fn issue(
    api: &Api,
    person: &Person,
    record: &Record,
    valid: Duration,
    until: Option<WallTime>,
) -> Result<(Secret, ConnectSecret), Refusal> {
    let context = &api.context;
    let mut entropy = context.entropy();
    let secret = connect_secret::draw(&mut entropy);
    let (name, of) = (person.name.clone(), record.resource().name.clone());
    let salt = connect_secret::salt(context.store.installation(), &name, &of);
    let clear = secret.clone();
    let verifier = workers::hashing(move || {
        Verifier::from_password(clear.expose().as_bytes(), &salt, CONNECT_SECRET_ITERATIONS).to_text().to_string()
    })
    .await;
    let mut kept = ConnectSecret::issue(name, of, verifier, valid, context.clock.wall(), &mut entropy);
    kept.native = native(record, &secret);
    kept.expires = until.map_or(kept.expires, |until| kept.expires.min(until));
    let mut event = context.event(EventKind::ConnectSecretIssued, format!("person:{}", person.name));
    event.person = Some(person.name.clone());
    event.record = Some(record.resource().name.clone());
    let event = event.with("secret", kept.id.as_str()).with("expires", kept.expires);
    ConnectSecrets::put(&*context.store, kept.clone(), vec![event]).await?;
    Ok((secret, kept))
}

/// What old clients of MySQL and MariaDB prove of a secret, where the record is one of theirs.
fn native(record: &Record, secret: &Secret) -> Option<[u8; 20]> {
    match record {
        Record::Database(database) => match database.database_type {
            DatabaseType::Postgresql | DatabaseType::Mssql => None,
            DatabaseType::Mysql | DatabaseType::Mariadb => {
                Some(*NativeVerifier::from_password(secret.expose().as_bytes()).as_bytes())
            }
        },
        Record::Machine(_) => None,
    }
}

/// What the session will be, in words.
pub(super) fn notes(record: &Record) -> Vec<String> {
    let account = match &record.resource().jit.launch {
        Launch::Ephemeral => "an account made for the session".to_owned(),
        Launch::Existing { user } => format!("the existing account of user record {user}"),
    };
    let what = match record {
        Record::Database(_) => "role",
        Record::Machine(_) => "group",
    };
    let lifted = record.resource().jit.elevate.as_ref();
    let lifted = lifted.map_or_else(String::new, |grant| format!(", in {what} {}", grant.role));
    let minutes = record.resource().session.duration_s.div_ceil(60);
    let mut notes = vec![format!("{account}{lifted}, for at most {minutes} minutes")];
    notes.extend(orders::if_destroyed(record).map(str::to_owned));
    notes
}
