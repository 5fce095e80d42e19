//! The first packets of a client's connection: our greeting, the client's wish for TLS, and its log-in inside TLS.

use std::sync::Arc;

use mayfly_protocol::mysql::{
    Capabilities, DecodeError, Nonce,
    auth::AuthPlugin,
    connect::{FirstPacket, Greeting},
    frame::{Packet, Sequence},
    reply::{ErrorCode, OkPacket},
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    farewell::say_farewell,
    outcome::{Outcome, Side},
};

use super::{
    Context,
    closing::Closing,
    numbers::Number,
    wire::{self, ReadError},
};

/// A client's connection once it is encrypted.
pub(super) type ClientStream = TlsStream<TcpStream>;

/// What we offer. Files are among it because the record that decides about them is not known yet.
pub(super) const OFFERED: Capabilities =
    Capabilities::from_bits(Capabilities::SPOKEN.bits() | Capabilities::LOCAL_FILES.bits());

/// The collation of our greeting, which both servers know: utf8mb4_general_ci.
const COLLATION: u8 = 45;

/// What a client without TLS is told.
const TLS_REQUIRED: &str = "TLS is required: add --ssl-mode=VERIFY_IDENTITY (mysql) or --ssl-verify-server-cert \
                            (mariadb), with --ssl-ca, or what your driver has for it";

/// How we are the server of TLS, with the certificate and key of `config`.
pub(super) fn acceptor(config: &ServerConfig) -> TlsAcceptor {
    let mut config = config.clone();
    // Clients of this protocol name none; one that names others was led here by somebody in the middle (ALPACA).
    config.alpn_protocols = vec![b"mysql".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A client that wants to log in.
pub(super) struct Opened {
    pub(super) stream: Box<ClientStream>,
    /// The log-in, which has its form.
    pub(super) login: Packet,
    /// What the client was given to answer.
    pub(super) nonce: Nonce,
}

/// Greets a client and reads up to its log-in. The error was told to the client where there was something to tell.
pub(super) async fn open(
    mut tcp: TcpStream,
    number: &Number,
    sequence: &mut Sequence,
    context: &Context,
) -> Result<Opened, Outcome> {
    let nonce = Nonce::from_random(&context.random());
    greet(&mut tcp, number, &nonce, sequence, context).await?;
    match wire::read_packet(&mut tcp, sequence).await {
        Ok(packet) => match FirstPacket::decode(&packet.payload) {
            Ok(FirstPacket::SslRequest(_)) => {}
            Ok(FirstPacket::Login(_)) => {
                let code = ErrorCode::SECURE_TRANSPORT_REQUIRED;
                let closing = Closing::saying(Outcome::Unsupported("no TLS"), code, TLS_REQUIRED);
                return Err(refuse(&mut tcp, closing, sequence).await);
            }
            Err(error) => return Err(malformed(&mut tcp, error, sequence).await),
        },
        // Health checks take the greeting and leave.
        Err(ReadError::Left) => return Err(Outcome::Probe),
        Err(ReadError::Broken(_)) => return Err(Outcome::ClientLeft),
        // Whoever does not speak this protocol at all gets no answer in it.
        Err(ReadError::Violation(_)) => return Err(Outcome::Violation(Side::Client, "not a log-in packet")),
    }
    let mut stream = context.tls.accept(tcp).await.map(Box::new).map_err(|error| {
        tracing::debug!(%error, "TLS handshake with the client failed");
        Outcome::TlsFailed
    })?;
    let login = within_tls(&mut stream, sequence).await?;
    Ok(Opened { stream, login, nonce })
}

/// Sends the greeting.
async fn greet(
    tcp: &mut TcpStream,
    number: &Number,
    nonce: &Nonce,
    sequence: &mut Sequence,
    context: &Context,
) -> Result<(), Outcome> {
    let greeting = Greeting {
        server_version: context.flavour.version(),
        connection_id: number.id(),
        nonce: nonce.clone(),
        capabilities: OFFERED,
        collation: COLLATION,
        status: OkPacket::AUTOCOMMIT,
        plugin: AuthPlugin::CachingSha2Password.name().as_bytes(),
    };
    let mut out = Vec::new();
    greeting.encode(sequence, &mut out).map_err(|_| Outcome::Unsupported("encoding"))?;
    wire::send(tcp, &out).await.map_err(|_| Outcome::Probe)
}

/// Reads the log-in, which alone may stand first within TLS. What stood in front of it in clear counts for nothing.
async fn within_tls(stream: &mut ClientStream, sequence: &mut Sequence) -> Result<Packet, Outcome> {
    let packet = match wire::read_packet(stream, sequence).await {
        Ok(packet) => packet,
        Err(ReadError::Left | ReadError::Broken(_)) => return Err(Outcome::ClientLeft),
        Err(ReadError::Violation(error)) => return Err(malformed(stream, error, sequence).await),
    };
    match FirstPacket::decode(&packet.payload) {
        Ok(FirstPacket::Login(_)) => Ok(packet),
        Ok(FirstPacket::SslRequest(_)) => Err(Outcome::Violation(Side::Client, "request for TLS within TLS")),
        Err(error) => Err(malformed(stream, error, sequence).await),
    }
}

/// Answers a packet that cannot be read.
async fn malformed<S>(client: &mut S, error: DecodeError, sequence: &mut Sequence) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let closing = match error {
        DecodeError::TooOld => {
            let text = "the client speaks only the protocol before MySQL 4.1: use a newer one";
            Closing::saying(Outcome::Unsupported("protocol version"), ErrorCode::NOT_SUPPORTED_AUTH_MODE, text)
        }
        _ => Closing::client_violation("malformed log-in packet"),
    };
    refuse(client, closing, sequence).await
}

async fn refuse<S>(client: &mut S, closing: Closing, sequence: &mut Sequence) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    say_farewell(client, &closing.bytes(sequence)).await;
    closing.outcome
}
