//! The first packets of a client's connection, up to the start-up message inside TLS or a request to cancel.

use std::sync::Arc;

use mayfly_protocol::postgres::{
    DecodeError,
    backend::{ErrorFields, Severity, SqlState},
    startup::{ALPN, CancelRequest, EncryptionReply, FirstPacket, StartupMessage, begins_tls},
};
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
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
    closing::Closing,
    wire::{self, ReadError},
};

/// A client's connection once it is encrypted.
pub(super) type ClientStream = TlsStream<TcpStream>;

/// What a client without TLS is told.
const TLS_REQUIRED: &str = "TLS is required: add sslmode=verify-full (or at least sslmode=require) to the connection";

/// How we are the server of TLS.
pub(super) struct ClientTls {
    acceptor: TlsAcceptor,
    /// The hash of our certificate that SCRAM binds to the channel, where the certificate has one.
    pub(super) end_point: Option<Vec<u8>>,
}

impl ClientTls {
    /// TLS with the certificate and key of `config`; `certificate` is the one that it presents.
    pub(super) fn new(config: &ServerConfig, certificate: &CertificateDer<'_>) -> Self {
        let mut config = config.clone();
        // Somebody in the middle cannot lead a client of another protocol here (ALPACA), nor one of ours elsewhere.
        config.alpn_protocols = vec![ALPN.to_vec()];
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), end_point: mayfly_dial::server_end_point(certificate) }
    }
}

/// What a connection turns out to be.
pub(super) enum Opened {
    /// A client that wants a session.
    Start(Box<ClientStream>, StartupMessage),
    /// A request to cancel a query, in clear or not: clients up to PostgreSQL 16 send it in clear always.
    Cancel(CancelRequest),
}

/// Reads up to the start-up message. The error was told to the client where there was something to tell.
pub(super) async fn open(mut tcp: TcpStream, tls: &ClientTls) -> Result<Opened, Outcome> {
    let mut first = [0];
    match tcp.peek(&mut first).await {
        Ok(0) | Err(_) => return Err(Outcome::Probe),
        Ok(_) if begins_tls(first[0]) => return direct(tcp, tls).await,
        Ok(_) => {}
    }
    let mut gss_asked = false;
    loop {
        match wire::read_first_packet(&mut tcp).await {
            Ok(FirstPacket::GssEncRequest) if !gss_asked => {
                gss_asked = true;
                answer(&mut tcp, EncryptionReply::Refused).await?;
            }
            Ok(FirstPacket::SslRequest) => {
                // A client waits for the answer. What is there already was put in front of the encrypted stream by
                // somebody else (CVE-2021-23222).
                if !matches!(tcp.try_read(&mut first), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock) {
                    return Err(Outcome::Violation(Side::Client, "data before TLS"));
                }
                answer(&mut tcp, EncryptionReply::Tls).await?;
                let stream = encrypt(tcp, tls).await?;
                return within_tls(stream).await;
            }
            Ok(FirstPacket::Cancel(request)) => return Ok(Opened::Cancel(request)),
            Ok(FirstPacket::Startup(_)) => {
                let outcome = Outcome::Unsupported("no TLS");
                return Err(
                    refuse(&mut tcp, Closing::saying(outcome, SqlState::INVALID_AUTHORIZATION, TLS_REQUIRED)).await
                );
            }
            Ok(FirstPacket::GssEncRequest) => return Err(Outcome::Violation(Side::Client, "second GSSENCRequest")),
            Err(error) => return Err(unreadable(&mut tcp, error).await),
        }
    }
}

/// A client that begins with TLS at once has to name the protocol within it (`sslnegotiation=direct`).
async fn direct(tcp: TcpStream, tls: &ClientTls) -> Result<Opened, Outcome> {
    let stream = encrypt(tcp, tls).await?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(Outcome::Violation(Side::Client, "direct TLS without ALPN"));
    }
    within_tls(stream).await
}

async fn encrypt(tcp: TcpStream, tls: &ClientTls) -> Result<Box<ClientStream>, Outcome> {
    tls.acceptor.accept(tcp).await.map(Box::new).map_err(|error| {
        tracing::debug!(%error, "TLS handshake with the client failed");
        Outcome::TlsFailed
    })
}

/// Reads the one packet that may stand first within TLS.
async fn within_tls(mut stream: Box<ClientStream>) -> Result<Opened, Outcome> {
    match wire::read_first_packet(&mut stream).await {
        Ok(FirstPacket::Startup(message)) => Ok(Opened::Start(stream, message)),
        Ok(FirstPacket::Cancel(request)) => Ok(Opened::Cancel(request)),
        Ok(FirstPacket::SslRequest | FirstPacket::GssEncRequest) => {
            Err(Outcome::Violation(Side::Client, "request for encryption within TLS"))
        }
        Err(error) => Err(unreadable(&mut stream, error).await),
    }
}

async fn answer(tcp: &mut TcpStream, reply: EncryptionReply) -> Result<(), Outcome> {
    wire::send(tcp, &[reply.byte()]).await.map_err(|_| Outcome::ClientLeft)
}

/// Answers a first packet that cannot be read. Whoever does not speak this protocol at all gets no answer in it.
async fn unreadable<S: AsyncRead + AsyncWrite + Unpin>(client: &mut S, error: ReadError) -> Outcome {
    match error {
        ReadError::Left | ReadError::Broken(_) => Outcome::ClientLeft,
        ReadError::Violation(DecodeError::Version { major, minor }) if (1..=9).contains(&major) => {
            let text = format!("unsupported frontend protocol {major}.{minor}: this server speaks 3.0 to 3.2");
            let fields = ErrorFields::new(Severity::Fatal, SqlState::FEATURE_NOT_SUPPORTED, &text);
            refuse(client, Closing::with(Outcome::Unsupported("protocol version"), fields)).await
        }
        ReadError::Violation(DecodeError::Version { .. } | DecodeError::Length(_)) => {
            Outcome::Violation(Side::Client, "not a start-up packet")
        }
        ReadError::Violation(_) => refuse(client, Closing::client_violation("malformed start-up packet")).await,
    }
}

async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(client: &mut S, closing: Closing) -> Outcome {
    say_farewell(client, &closing.bytes()).await;
    closing.outcome
}
