//! Whether accounts of ours would get in from an address that is not Mayfly's: asked of the server by beginning a log-in there
//! and looking whether `pg_hba.conf` refuses it before any password is asked for. No account is made for that: up to
//! PostgreSQL 15 the marker role itself is matched by the lines for its members, and from 16 on a pattern matches names that
//! do not exist.

use super::tls::DialTls;
use mayfly_dial::{DialError, Dialer, tls_client_config};
use mayfly_domain::{Administration, Destination, Failure, FailureClass, Permit};
use mayfly_protocol::postgres::ProtocolVersion;
use mayfly_protocol::postgres::backend::{ErrorFields, SqlState, tag};
use mayfly_protocol::postgres::frame::Header;
use mayfly_protocol::postgres::startup::{EncryptionReply, Parameters, StartupMessage, encode_ssl_request};
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_postgres::tls::TlsConnect;

/// The longest first answer that is read.
const ANSWER_MOST: usize = 16 * 1024;

/// How the server took the beginning of a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is refused by `pg_hba.conf`, whatever the password.
    Refused,
    /// The server went on to ask for a password, or let it in without.
    Admitted,
}

fn unreachable(error: &DialError) -> Failure {
    Failure::new(error.class(), error.person_text())
}

fn broken() -> Failure {
    Failure::new(FailureClass::Unreachable, "the server broke off a log-in that was begun to see whether it is refused")
}

/// Begins a log-in as `role` from `source` and says how the server took it. Nothing secret is sent.
pub(super) async fn ask(
    dialer: &Dialer,
    by: &Administration,
    destination: &Destination,
    source: IpAddr,
    role: &str,
    limit: Duration,
) -> Result<Answer, Failure> {
    let asked = async {
        let permit = Permit::Inspect(by);
        let mut stream =
            dialer.connect_from(permit, destination, source, limit).await.map_err(|error| unreachable(&error))?;
        let Some(config) = tls_client_config(&destination.trust).map_err(|error| unreachable(&error))? else {
            return begin(&mut stream, role).await;
        };
        let mut request = Vec::new();
        encode_ssl_request(&mut request);
        stream.write_all(&request).await.map_err(|_| broken())?;
        let reply = stream.read_u8().await.map_err(|_| broken())?;
        if !matches!(EncryptionReply::decode(reply), Ok(EncryptionReply::Tls)) {
            return Err(Failure::new(FailureClass::Conflict, "the server does not offer TLS to this address"));
        }
        let tls = DialTls { config, endpoint: destination.endpoint.clone(), limit };
        let mut stream = tls.connect(stream).await.map_err(|error| unreachable(&error))?;
        begin(&mut stream, role).await
    };
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| Err(broken()))
}

async fn begin<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, role: &str) -> Result<Answer, Failure> {
    let refused = |_| Failure::new(FailureClass::Bug, "the name to try with cannot be sent");
    let mut parameters = Parameters::new();
    parameters.push(b"user", role.as_bytes()).map_err(refused)?;
    parameters.push(b"database", b"postgres").map_err(refused)?;
    let mut message = Vec::new();
    StartupMessage { version: ProtocolVersion::V3_0, parameters }.encode(&mut message).map_err(refused)?;
    stream.write_all(&message).await.map_err(|_| broken())?;
    stream.flush().await.map_err(|_| broken())?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.map_err(|_| broken())?;
    let header = Header::decode(head, ANSWER_MOST).map_err(|_| broken())?;
    let mut body = vec![0; header.body_len];
    stream.read_exact(&mut body).await.map_err(|_| broken())?;
    match header.tag {
        tag::AUTHENTICATION => Ok(Answer::Admitted),
        tag::ERROR_RESPONSE => {
            let code = ErrorFields::decode(&body).ok().and_then(|fields| fields.code());
            if code == Some(SqlState::INVALID_AUTHORIZATION) { Ok(Answer::Refused) } else { Err(broken()) }
        }
        _ => Err(broken()),
    }
}
