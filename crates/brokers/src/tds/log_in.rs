//! Our log-in to the target, as its client: with the session's account, and with all else that the client says of itself. What the
//! target answers is passed on as it is.

use mayfly_dial::Credential;
use mayfly_protocol::tds::{
    TdsVersion,
    frame::{MAX_LOGIN_LEN, Message, PacketType},
    login::Login,
    token::{EnvChange, ServerMessage, Severity, Token, Tokens},
};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use crate::{outcome::Outcome, port::ConnectionGuard};

use super::{
    closing::Closing,
    wire::{self, ReadError},
};

/// What the answer to a log-in may have, in bytes: with features, the state of a session among them.
const MAX_ANSWER_LEN: usize = 256 * 1024;

/// Numbers by which a target says that the account cannot log in: that is no fault of the person's secret, and must not read as
/// one (Microsoft's page "MSSQLSERVER_18456", and those beside it).
const OF_ACCOUNT: [u32; 6] = [18452, 18456, 18470, 18486, 18487, 18488];

/// What a client's log-in becomes at the target.
pub(super) struct Request<'a> {
    pub(super) credential: &'a Credential,
    pub(super) default_database: &'a str,
    /// The client's own log-in.
    pub(super) login: &'a Login,
    /// How the client calls the target would mean nothing there.
    pub(super) host: &'a str,
}

/// The version that holds on a connection, and the data of the message in which the target says so.
pub(super) struct Welcome {
    pub(super) version: TdsVersion,
    pub(super) data: Zeroizing<Vec<u8>>,
}

/// Logs in on a connection to a target that is encrypted already, or that the administrator wants in clear.
pub(super) async fn log_in<S>(
    target: &mut S,
    request: &Request<'_>,
    guard: &mut dyn ConnectionGuard,
) -> Result<Welcome, Closing>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let login = translated(request);
    let mut data = Zeroizing::new(Vec::with_capacity(MAX_LOGIN_LEN));
    login.encode(&mut data).map_err(|_| {
        let text = "the name of the database, or what the client says of itself, is too long";
        Closing::saying(Outcome::Unsupported("log-in"), text)
    })?;
    wire::send_message(target, PacketType::Login, &data).await.map_err(|_| lost())?;
    let answer = match wire::read_message(target, MAX_ANSWER_LEN).await {
        Ok(message) if message.kind == PacketType::Result => message,
        Ok(_) | Err(ReadError::Violation(_)) => return Err(Closing::target_violation("answer to the log-in")),
        Err(ReadError::Left | ReadError::Broken(_)) => return Err(lost()),
    };
    let version = judge(&answer, login.version)?;
    if answer.spid > 0 {
        guard.opened(answer.spid.to_string());
    }
    Ok(Welcome { version, data: answer.data })
}

/// The client's log-in with the session's account. The strict form is only spoken between the client and us.
fn translated(request: &Request<'_>) -> Login {
    let mut login = request.login.clone();
    if login.version.is_strict() {
        login.version = TdsVersion::V7_4;
    }
    login.user.clone_from(&request.credential.login);
    login.password = Zeroizing::new(request.credential.secret.expose().to_owned());
    if login.database.is_empty() {
        request.default_database.clone_into(&mut login.database);
    }
    request.host.clone_into(&mut login.server);
    login
}

/// Whether the target lets us in. Returns the version that it speaks.
fn judge(answer: &Message, asked: TdsVersion) -> Result<TdsVersion, Closing> {
    let (mut version, mut error) = (None, None);
    for token in Tokens::new(&answer.data, asked) {
        match token.map_err(|_| Closing::target_violation("answer to the log-in"))? {
            Token::LoginAck(ack) => version = Some(ack.version),
            Token::Message(message) if message.severity == Severity::Error => {
                error.get_or_insert(message);
            }
            Token::EnvChange(EnvChange::Routed(route)) => {
                let text = format!(
                    "the target sends this connection on to {}:{}, which a session does not follow: make a record of that server, \
                     or connect without read-only intent",
                    shown(&route.server),
                    route.port
                );
                return Err(Closing::saying(Outcome::TargetRefused("routed".to_owned()), &text));
            }
            Token::MoreAuthentication => {
                let text = "the target does not take the password of this session's account: it asks for another authentication";
                return Err(Closing::saying(Outcome::TargetRefused("authentication method".to_owned()), text));
            }
            Token::Columns(_) | Token::Row(_) => return Err(Closing::target_violation("answer to the log-in")),
            _ => {}
        }
    }
    match (version, error) {
        (Some(version), None) if version.is_7_2() == asked.is_7_2() => Ok(version),
        // Requests of the client have the form of the version that it asked for.
        (Some(_), None) => {
            let text =
                "the target speaks an older version of the protocol than the client: ask for 7.1 in the connection";
            Err(Closing::saying(Outcome::TargetRefused("protocol version".to_owned()), text))
        }
        (_, Some(error)) => Err(refused(error)),
        (None, None) => Err(Closing::target_violation("answer to the log-in")),
    }
}

/// The target refuses. What it says goes to the client, but that the session's account cannot log in must not read as if the
/// person's secret was wrong.
fn refused(error: ServerMessage) -> Closing {
    let outcome = Outcome::TargetRefused(error.number.to_string());
    if OF_ACCOUNT.contains(&error.number) {
        let text = format!("the target refused the account of this session: {}", error.text);
        return Closing::saying(outcome, &text);
    }
    // Whatever it says of the class, the connection is over.
    Closing::with(outcome, ServerMessage { class: error.class.max(14), ..error })
}

/// A name from a target, as it may be shown.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(255).collect()
}

fn lost() -> Closing {
    Closing::saying(Outcome::TargetLost, "the target closed the connection during the log-in")
}
