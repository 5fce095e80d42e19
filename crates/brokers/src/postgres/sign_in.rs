//! The client's sign-in: SCRAM against the verifier that the port gives, with the same messages in the same order whether
//! the person exists or not (SECURITY-CASES 57 and 58).

use std::net::IpAddr;

use mayfly_domain::{ConnectionId, Login};
use mayfly_protocol::{
    postgres::{
        ProtocolVersion,
        backend::{Authentication, ErrorFields, NegotiateProtocolVersion, Severity, SqlState},
        frontend::{SaslInitialResponse, SaslResponse, is_plain_password, tag},
        startup::StartupMessage,
    },
    scram::{self, Mechanism, Nonce, Server, Step},
};

use crate::{
    outcome::{Outcome, Side},
    port::{Admitted, Claim, Protocol, SignIn, Turned},
};

use super::{
    Context,
    closing::Closing,
    opening::ClientStream,
    wire::{self, ReadError},
};

/// The newest version that we speak.
const OURS: ProtocolVersion = ProtocolVersion::V3_2;

/// The largest message of a client that has not signed in.
const MAX_BODY_LEN: usize = scram::MAX_MESSAGE_LEN + 64;

/// A person who has signed in on this connection.
pub(super) struct Person {
    pub(super) admitted: Box<dyn Admitted>,
    pub(super) login: Login,
    /// The version that the client speaks.
    pub(super) version: ProtocolVersion,
}

/// Signs the client in. Returns when `AuthenticationOk` is sent.
pub(super) async fn sign_in(
    client: &mut ClientStream,
    startup: &StartupMessage,
    source: IpAddr,
    connection: &ConnectionId,
    context: &Context,
) -> Result<Person, Closing> {
    let login = login(startup)?;
    refuse_replication(startup)?;
    let version = startup.version.agree(OURS);
    let claim = Claim { protocol: Protocol::Postgres, login: login.clone(), source, connection: connection.clone() };
    let attempt = context.door.sign_in(claim).await.map_err(Closing::turned)?;
    let offer = greeting(startup, version, context.tls.end_point.is_some())?;
    wire::send(client, &offer).await.map_err(|_| left())?;
    let Proved { attempt, which, last } = exchange(client, attempt, context).await?;
    let admitted = attempt.proved(which).await.map_err(Closing::turned)?;
    let mut reply = Vec::new();
    encode(&Authentication::SaslFinal(&last), &mut reply)?;
    encode(&Authentication::Ok, &mut reply)?;
    wire::send(client, &reply).await.map_err(|_| left())?;
    Ok(Person { admitted, login, version })
}

/// Reads the user name. Whether it is of the right form says nothing about who exists, so it may be told.
fn login(startup: &StartupMessage) -> Result<Login, Closing> {
    let refuse = |text: &str| {
        let fields = ErrorFields::new(Severity::Fatal, SqlState::INVALID_AUTHORIZATION, text)
            .hint("Connect as PERSON~RECORD, for example: psql \"host=… user=alice~orders\"");
        Closing::with(Outcome::Unsupported("user name"), fields)
    };
    match startup.parameters.get_str("user") {
        Ok(Some(user)) => Login::parse(user).map_err(|error| refuse(&error.to_string())),
        Ok(None) => Err(refuse("no user name was given")),
        Err(_) => Err(refuse("the user name is not UTF-8")),
    }
}

/// A replication connection reads everything that happens on the target, and its protocol is another one.
fn refuse_replication(startup: &StartupMessage) -> Result<(), Closing> {
    match startup.parameters.get(b"replication").map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"" | b"0" | b"f" | b"false" | b"n" | b"no" | b"of" | b"off") => Ok(()),
        Some(_) => {
            let outcome = Outcome::Unsupported("replication");
            Err(Closing::saying(outcome, SqlState::FEATURE_NOT_SUPPORTED, "replication connections are not supported"))
        }
    }
}

/// What we say first: which version it is, if not the one asked for, and how to sign in.
fn greeting(startup: &StartupMessage, version: ProtocolVersion, binds: bool) -> Result<Vec<u8>, Closing> {
    let mut out = Vec::new();
    let unknown_options: Vec<_> = startup.parameters.protocol_options().collect();
    if version != startup.version || !unknown_options.is_empty() {
        let answer = NegotiateProtocolVersion { version, unknown_options };
        answer.encode(&mut out).map_err(|_| Closing::client_violation("malformed protocol option"))?;
    }
    encode(&Authentication::Sasl(scram::offer(binds).to_vec()), &mut out)?;
    Ok(out)
}

/// A client that knows a secret.
struct Proved {
    attempt: Box<dyn SignIn>,
    /// Which secret.
    which: usize,
    /// The last message for the client.
    last: Vec<u8>,
}

/// The two messages of SCRAM.
async fn exchange(client: &mut ClientStream, attempt: Box<dyn SignIn>, context: &Context) -> Result<Proved, Closing> {
    let body = read(client).await?;
    let first = SaslInitialResponse::decode(&body).map_err(|_| match is_plain_password(&body) {
        true => Closing::client_violation("a password in clear: use a client that speaks SCRAM-SHA-256"),
        false => Closing::client_violation("malformed SASL response"),
    })?;
    let data = first.data.ok_or_else(|| Closing::client_violation("SASL response without data"))?;
    let nonce = Nonce::from_bytes(&context.random());
    let binding = context.tls.end_point.as_deref();
    let begun = Mechanism::from_name(first.mechanism)
        .and_then(|mechanism| Server::new(mechanism, attempt.verifiers().clone(), nonce, binding))
        .and_then(|server| server.exchange(data));
    let (next, reply) = match begun {
        Ok(Step::Continue { next, reply }) => (next, reply),
        Ok(Step::Success { .. } | Step::Failure(_)) => return Err(Closing::turned(Turned::Failed)),
        Err(error) => return Err(violation(&error.to_string())),
    };
    let mut out = Vec::new();
    encode(&Authentication::SaslContinue(&reply), &mut out)?;
    wire::send(client, &out).await.map_err(|_| left())?;

    let body = read(client).await?;
    match next.exchange(SaslResponse::decode(&body).data) {
        Ok(Step::Success { reply, which }) => Ok(Proved { attempt, which, last: reply }),
        Ok(Step::Failure(_) | Step::Continue { .. }) => {
            attempt.failed().await;
            Err(Closing::turned(Turned::Failed))
        }
        // What comes with the proof may be a guess, whatever else is wrong with it.
        Err(error) => {
            attempt.failed().await;
            Err(violation(&error.to_string()))
        }
    }
}

/// Reads the body of a client's `p` message.
async fn read(client: &mut ClientStream) -> Result<zeroize::Zeroizing<Vec<u8>>, Closing> {
    match wire::read_message(client, MAX_BODY_LEN).await {
        Ok(message) if message.tag == tag::PASSWORD => Ok(message.body),
        Ok(message) if message.tag == tag::TERMINATE => Err(left()),
        Ok(_) => Err(Closing::client_violation("message before sign-in")),
        Err(ReadError::Left | ReadError::Broken(_)) => Err(left()),
        Err(ReadError::Violation(_)) => Err(Closing::client_violation("message is too long before sign-in")),
    }
}

fn left() -> Closing {
    Closing::silent(Outcome::ClientLeft)
}

/// The text is that of a SCRAM error, which never holds content.
fn violation(text: &str) -> Closing {
    Closing::saying(Outcome::Violation(Side::Client, "SCRAM"), SqlState::PROTOCOL_VIOLATION, text)
}

/// Appends a message that cannot fail in practice: nothing of it comes from outside.
fn encode(message: &Authentication<'_>, out: &mut Vec<u8>) -> Result<(), Closing> {
    message.encode(out).map_err(|_| Closing::silent(Outcome::Unsupported("encoding")))
}
