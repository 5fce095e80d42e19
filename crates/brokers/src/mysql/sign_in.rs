//! The client's sign-in: the connect secret itself, given within TLS, or the proof of a client that knows only
//! `mysql_native_password`. The same packets come in the same order whether the person exists or not (SECURITY-CASES 57
//! and 58).

use std::net::IpAddr;

use mayfly_domain::{ConnectionId, Login as Name};
use mayfly_protocol::mysql::{
    Nonce,
    auth::{AuthPlugin, Channel, Expected, Server, ServerStep},
    connect::Login,
    frame::{Packet, Sequence},
    reply::{AuthMoreData, AuthSwitchRequest, ErrorCode},
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

/// A person who has signed in on this connection.
pub(super) struct Person {
    pub(super) admitted: Box<dyn Admitted>,
    pub(super) name: Name,
}

/// Who asks, on which connection.
pub(super) struct Asking<'a> {
    /// The client's log-in.
    pub(super) login: &'a Login<'a>,
    /// What it was given to answer.
    pub(super) nonce: Nonce,
    pub(super) source: IpAddr,
    pub(super) connection: &'a ConnectionId,
}

/// Signs the client in. It is not told so before its session is ready.
pub(super) async fn sign_in(
    client: &mut ClientStream,
    asking: Asking<'_>,
    sequence: &mut Sequence,
    context: &Context,
) -> Result<Person, Closing> {
    let Asking { login, nonce, source, connection } = asking;
    let name = name(login)?;
    let claim = Claim { protocol: Protocol::Mysql, login: name.clone(), source, connection: connection.clone() };
    let attempt = context.door.sign_in(claim).await.map_err(Closing::turned)?;
    if matches!(login.response, [] | [0]) && plugin(login) == Some(AuthPlugin::CachingSha2Password) {
        // It has nothing to try with, which counts as leaving.
        let text = "sign-in failed: no connect secret was given: get one with: mayfly connect RECORD";
        return Err(Closing::saying(Outcome::SignInFailed(Turned::Failed), ErrorCode::ACCESS_DENIED, text));
    }
    let (attempt, which) = exchange(client, attempt, login, nonce, sequence).await?;
    let Some(which) = which else {
        attempt.failed().await;
        return Err(Closing::turned(Turned::Failed));
    };
    let admitted = attempt.proved(which).await.map_err(Closing::turned)?;
    Ok(Person { admitted, name })
}

/// The plugin that the client answers with.
fn plugin(login: &Login<'_>) -> Option<AuthPlugin> {
    AuthPlugin::from_name(login.plugin.unwrap_or_default())
}

/// Reads the user name. Whether it is of the right form says nothing about who exists, so it may be told.
fn name(login: &Login<'_>) -> Result<Name, Closing> {
    let refuse = |text: &str| {
        let text = format!("{text}; connect as PERSON~RECORD, for example: mysql --user=alice~orders");
        Closing::saying(Outcome::Unsupported("user name"), ErrorCode::ACCESS_DENIED, &text)
    };
    match login.user_str() {
        Some("") => Err(refuse("no user name was given")),
        Some(user) => Name::parse(user).map_err(|error| refuse(&error.to_string())),
        None => Err(refuse("the user name is not UTF-8")),
    }
}

/// Asks for the secret, or for the proof of it. Returns which secret it is, if it is one.
async fn exchange(
    client: &mut ClientStream,
    attempt: Box<dyn SignIn>,
    login: &Login<'_>,
    nonce: Nonce,
    sequence: &mut Sequence,
) -> Result<(Box<dyn SignIn>, Option<usize>), Closing> {
    let expected = match plugin(login) {
        Some(AuthPlugin::NativePassword) => Expected::Native(attempt.native_verifiers()),
        _ => Expected::Password,
    };
    let server =
        Server::new(expected, nonce, Channel::Tls).map_err(|_| Closing::silent(Outcome::Unsupported("no TLS")))?;
    let mut step = server.start(login);
    loop {
        let mut out = Vec::new();
        let next = match step {
            ServerStep::Switch { next, plugin } => {
                AuthSwitchRequest::encode(plugin, next.nonce(), sequence, &mut out);
                next
            }
            ServerStep::More { next, data } => {
                AuthMoreData { data }.encode(sequence, &mut out);
                next
            }
            ServerStep::Success { which, .. } => return Ok((attempt, Some(which))),
            ServerStep::Password(password) => {
                let which = attempt.verifiers().accepts(&password);
                return Ok((attempt, which));
            }
            ServerStep::Failure => return Ok((attempt, None)),
        };
        wire::send(client, &out).await.map_err(|_| left())?;
        let packet = read(client, sequence).await?;
        step = match next.exchange(&packet.payload) {
            Ok(step) => step,
            // What does not have the form of a secret may be a guess all the same.
            Err(_) => {
                attempt.failed().await;
                return Err(Closing::client_violation("malformed answer to the authentication"));
            }
        };
    }
}

/// Reads what the client answers.
async fn read(client: &mut ClientStream, sequence: &mut Sequence) -> Result<Packet, Closing> {
    match wire::read_packet(client, sequence).await {
        Ok(packet) => Ok(packet),
        Err(ReadError::Left | ReadError::Broken(_)) => Err(left()),
        Err(ReadError::Violation(_)) => Err(Closing::silent(Outcome::Violation(Side::Client, "packet before sign-in"))),
    }
}

fn left() -> Closing {
    Closing::silent(Outcome::ClientLeft)
}
