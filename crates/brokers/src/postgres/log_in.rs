//! Our log-in to the target, as its client: with the session's account, by SCRAM alone, and with the client's own start-up
//! parameters. What the target answers up to its first `ReadyForQuery` is gathered for the client.

use std::num::NonZeroU32;

use mayfly_dial::Credential;
use mayfly_protocol::{
    postgres::{
        EncodeError, ProtocolVersion,
        backend::{Authentication, BackendKeyData, BackendMessage, ErrorFields, Severity, SqlState},
        frame::Message,
        frontend::{SaslInitialResponse, SaslResponse},
        startup::{Parameters, StartupMessage},
    },
    scram::{Client, ClientSecret, Nonce, ScramError, Step},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{outcome::Outcome, port::ConnectionGuard};

use super::{
    closing::Closing,
    wire::{self, ReadError},
};

/// The largest message of a target before it is ready, and what all of them may have together, in bytes.
const MAX_BODY_LEN: usize = 32 * 1024;
const MAX_GREETING_LEN: usize = 256 * 1024;

/// The most iterations that a target may ask for: ten times what administrators choose at most (16,384 is known), and a
/// tenth of a second at worst.
const MAX_ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();

/// What a client's start-up becomes at the target.
pub(super) struct Request<'a> {
    pub(super) credential: &'a Credential,
    pub(super) default_database: &'a str,
    /// The client's own start-up message.
    pub(super) startup: &'a StartupMessage,
    /// The version that the client speaks, which is asked for at the target as well.
    pub(super) version: ProtocolVersion,
    /// The hash of the target's certificate, for channel binding.
    pub(super) end_point: Option<&'a [u8]>,
    pub(super) nonce: Nonce,
}

/// What a target said when it let us in.
#[derive(Debug)]
pub(super) struct Greeting {
    /// The messages for the client in their order, from the first after authentication up to the last before
    /// `ReadyForQuery`, without the target's own cancel key.
    pub(super) messages: Vec<u8>,
    /// `ReadyForQuery`.
    pub(super) ready: Vec<u8>,
    /// The target's process id and cancel key.
    pub(super) key: BackendKeyData,
}

/// Logs in on a connection to a target that is encrypted already, or that the administrator wants in clear.
pub(super) async fn log_in<S>(
    target: &mut S,
    request: Request<'_>,
    guard: &mut dyn ConnectionGuard,
) -> Result<Greeting, Closing>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let startup = startup_message(&request).map_err(|_| {
        let outcome = Outcome::Unsupported("start-up parameters");
        Closing::saying(outcome, SqlState::PROTOCOL_VIOLATION, "the start-up parameters are too long")
    })?;
    wire::send(target, &startup).await.map_err(|_| lost())?;
    let version = authenticate(target, &request).await?;
    gather(target, version, guard).await
}

/// The client's start-up message with the session's account. An empty database, or one that is only the user name again
/// (the default of libpq), means the record's own.
fn startup_message(request: &Request<'_>) -> Result<Vec<u8>, EncodeError> {
    let asked = &request.startup.parameters;
    let database = match asked.get(b"database") {
        Some(name) if !name.is_empty() && Some(name) != asked.get(b"user") => name,
        _ => request.default_database.as_bytes(),
    };
    let mut parameters = Parameters::new();
    parameters.push(b"user", request.credential.login.as_bytes())?;
    parameters.push(b"database", database)?;
    for (name, value) in asked.iter() {
        let ours = matches!(name, b"user" | b"database" | b"replication");
        if !ours && !name.starts_with(Parameters::OPTION_PREFIX) {
            parameters.push(name, value)?;
        }
    }
    let mut out = Vec::new();
    StartupMessage { version: request.version, parameters }.encode(&mut out)?;
    Ok(out)
}

/// Where the authentication stands.
enum Progress {
    Asked,
    Proving(Client),
    Proved,
}

/// Proves the account's password and sees the target prove that it knows it too. Returns the version in force.
async fn authenticate<S>(target: &mut S, request: &Request<'_>) -> Result<ProtocolVersion, Closing>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut version = request.version;
    let mut progress = Progress::Asked;
    // Negotiation, offer, continuation, end, Ok: a target that needs more is not one.
    for _ in 0..8 {
        let message = read(target).await?;
        let decoded = BackendMessage::decode(message.tag, &message.body, version);
        let authentication = match decoded.map_err(|_| Closing::target_violation("malformed message"))? {
            BackendMessage::Error(fields) => return Err(refused(fields)),
            BackendMessage::NegotiateProtocolVersion(answer) if answer.version <= version => {
                version = answer.version;
                continue;
            }
            BackendMessage::Authentication(authentication) => authentication,
            _ => return Err(Closing::target_violation("message before authentication")),
        };
        progress = match (progress, authentication) {
            (Progress::Asked, Authentication::Sasl(offered)) => {
                let (client, out) = begin(&offered, request)?;
                wire::send(target, &out).await.map_err(|_| lost())?;
                Progress::Proving(client)
            }
            (Progress::Proving(client), Authentication::SaslContinue(data)) => match client.exchange(data) {
                Ok(Step::Continue { next, reply }) => {
                    let mut out = Vec::new();
                    let encoded = SaslResponse { data: &reply }.encode(&mut out);
                    encoded.map_err(|_| Closing::target_violation("SCRAM"))?;
                    wire::send(target, &out).await.map_err(|_| lost())?;
                    Progress::Proving(next)
                }
                Ok(_) => return Err(Closing::target_violation("SCRAM")),
                Err(error) => return Err(scram_violation(error)),
            },
            (Progress::Proving(client), Authentication::SaslFinal(data)) => match client.exchange(data) {
                Ok(Step::Success { .. }) => Progress::Proved,
                Ok(_) => return Err(Closing::target_violation("the target does not know the password")),
                Err(error) => return Err(scram_violation(error)),
            },
            (Progress::Proved, Authentication::Ok) => return Ok(version),
            (_, other) => return Err(unexpected(&other)),
        };
    }
    Err(Closing::target_violation("endless authentication"))
}

/// The first message of SCRAM.
fn begin(offered: &[&str], request: &Request<'_>) -> Result<(Client, Vec<u8>), Closing> {
    let secret = ClientSecret::from_password(request.credential.secret.expose().as_bytes());
    let (client, first) = Client::start(offered, request.end_point, secret, request.nonce.clone(), MAX_ITERATIONS)
        .map_err(|_| method("SASL without SCRAM-SHA-256"))?;
    let mut out = Vec::new();
    let response = SaslInitialResponse { mechanism: client.mechanism().name(), data: Some(&first) };
    response.encode(&mut out).map_err(|_| Closing::target_violation("SCRAM"))?;
    Ok((client, out))
}

/// An authentication request that is not answered: it would give a password away, or lets us in without one.
fn unexpected(authentication: &Authentication<'_>) -> Closing {
    match authentication {
        Authentication::Other(other) => method(other.name()),
        Authentication::Ok => method("no password at all (trust), so that anybody could be this account"),
        Authentication::Sasl(_) | Authentication::SaslContinue(_) | Authentication::SaslFinal(_) => {
            Closing::target_violation("authentication out of order")
        }
    }
}

/// The target wants to authenticate the account in a way that is refused.
fn method(name: &str) -> Closing {
    let text = format!("the target must authenticate by scram-sha-256 but asks for: {name}");
    let fields = ErrorFields::new(Severity::Fatal, SqlState::CONNECTION_REJECTED, &text)
        .hint("An administrator can change the line for this account in the target's pg_hba.conf.");
    Closing::with(Outcome::TargetRefused("authentication method".to_owned()), fields)
}

fn scram_violation(error: ScramError) -> Closing {
    match error {
        ScramError::Iterations => Closing::target_violation("SCRAM iteration count"),
        _ => Closing::target_violation("SCRAM"),
    }
}

/// The target refuses. What it says goes to the client, but that the session's account cannot log in is no fault of the
/// person's password, and must not read as one.
fn refused(fields: ErrorFields) -> Closing {
    let code = fields.code().map_or_else(String::new, |code| code.to_string());
    let shown = if code.starts_with("28") {
        ErrorFields::new(
            Severity::Fatal,
            SqlState::CONNECTION_REJECTED,
            "the target refused the account of this session",
        )
        .detail(fields.message())
    } else {
        fields
    };
    Closing::with(Outcome::TargetRefused(code), shown)
}

/// Gathers what follows `AuthenticationOk`.
async fn gather<S>(
    target: &mut S,
    version: ProtocolVersion,
    guard: &mut dyn ConnectionGuard,
) -> Result<Greeting, Closing>
where
    S: AsyncRead + Unpin,
{
    let mut messages = Vec::new();
    let mut key = None;
    while messages.len() <= MAX_GREETING_LEN {
        let message = read(target).await?;
        let decoded = BackendMessage::decode(message.tag, &message.body, version);
        match decoded.map_err(|_| Closing::target_violation("malformed message"))? {
            BackendMessage::ParameterStatus(_) | BackendMessage::Notice(_) => append(&mut messages, &message),
            BackendMessage::BackendKeyData(data) if key.is_none() => {
                guard.opened(data.process_id.to_string());
                key = Some(data);
            }
            BackendMessage::Error(fields) => return Err(refused(fields)),
            BackendMessage::ReadyForQuery(_) => {
                let key = key.ok_or_else(|| Closing::target_violation("no BackendKeyData"))?;
                let mut ready = Vec::new();
                append(&mut ready, &message);
                return Ok(Greeting { messages, ready, key });
            }
            _ => return Err(Closing::target_violation("message out of order")),
        }
    }
    Err(Closing::target_violation("endless greeting"))
}

/// Appends a message as it came.
fn append(out: &mut Vec<u8>, message: &Message) {
    out.push(message.tag);
    // A message that was read is shorter than `MAX_BODY_LEN`.
    out.extend_from_slice(&u32::try_from(message.body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&message.body);
}

async fn read<S: AsyncRead + Unpin>(target: &mut S) -> Result<Message, Closing> {
    match wire::read_message(target, MAX_BODY_LEN).await {
        Ok(message) => Ok(message),
        Err(ReadError::Left | ReadError::Broken(_)) => Err(lost()),
        Err(ReadError::Violation(_)) => Err(Closing::target_violation("message length")),
    }
}

fn lost() -> Closing {
    let text = "the target closed the connection while the session was being opened";
    Closing::saying(Outcome::TargetLost, SqlState::UNABLE_TO_CONNECT, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::Secret;

    fn message(pairs: &[(&[u8], &[u8])]) -> StartupMessage {
        let mut parameters = Parameters::new();
        for (name, value) in pairs {
            parameters.push(name, value).unwrap();
        }
        StartupMessage { version: ProtocolVersion::V3_0, parameters }
    }

    fn sent(pairs: &[(&[u8], &[u8])]) -> Vec<(Vec<u8>, Vec<u8>)> {
        use mayfly_protocol::postgres::startup::FirstPacket;
        let credential = Credential { login: "keeper_x".to_owned(), secret: Secret::new("s".to_owned()) };
        let request = Request {
            credential: &credential,
            default_database: "orders",
            startup: &message(pairs),
            version: ProtocolVersion::V3_0,
            end_point: None,
            nonce: Nonce::from_bytes(&[1; 18]),
        };
        let wire = startup_message(&request).unwrap();
        match FirstPacket::decode(&wire[4..]).unwrap() {
            FirstPacket::Startup(message) => {
                message.parameters.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn database(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        sent(pairs).into_iter().find(|(name, _)| name == b"database").unwrap().1
    }

    /// Issue 2, part 4: a database name that is empty or equal to the user name means the record's default.
    #[test]
    fn no_database_means_the_records_own() {
        assert_eq!(database(&[(b"user", b"alice~orders")]), b"orders");
        assert_eq!(database(&[(b"user", b"alice~orders"), (b"database", b"")]), b"orders");
        assert_eq!(database(&[(b"user", b"alice~orders"), (b"database", b"alice~orders")]), b"orders");
        assert_eq!(database(&[(b"user", b"alice~orders"), (b"database", b"billing")]), b"billing");
    }

    #[test]
    fn parameters_pass_but_for_what_is_ours() {
        let pairs: [(&[u8], &[u8]); 5] = [
            (b"user", b"alice~orders"),
            (b"application_name", b"psql"),
            (b"replication", b"false"),
            (b"_pq_.new", b"1"),
            (b"options", b"-c geqo=off"),
        ];
        let names: Vec<_> = sent(&pairs).into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect();
        assert_eq!(names, ["user", "database", "application_name", "options"]);
        assert_eq!(sent(&pairs)[0].1, b"keeper_x");
    }
}
