//! The first messages of a client's connection: `PRELOGIN`, TLS, and the log-in inside TLS.

use std::sync::Arc;

use mayfly_dial::InPrelogin;
use mayfly_protocol::tds::{
    ALPN, DecodeError, Encryption, MAX_PRELOGIN_LEN, Prelogin, TdsVersion,
    frame::{MAX_LOGIN_LEN, Message, PacketType},
    login::Login,
};
use rustls::{ServerConfig, SupportedProtocolVersion, version};
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
pub(super) type ClientStream = TlsStream<InPrelogin<TcpStream>>;

/// The first byte of a client that begins with TLS: the type of a record with a handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// What is spoken within `PRELOGIN`. Later versions send something behind their handshake, of which neither side knows whether
/// it stands in a packet; servers speak them only in the strict form, and clients expect no others here.
const WRAPPED: &[&SupportedProtocolVersion] = &[&version::TLS12];

/// What we say of our version: that of the oldest server that is supported, SQL Server 2016.
const VERSION: [u8; 6] = [13, 0, 0, 0, 0, 0];

/// What a client without TLS is told.
const TLS_REQUIRED: &str = "TLS is required: switch encryption on in the connection (Encrypt=Mandatory or Encrypt=Strict; \
                            encryption=require for FreeTDS)";

/// How we are the server of TLS.
pub(super) struct ClientTls {
    wrapped: TlsAcceptor,
    strict: TlsAcceptor,
}

impl ClientTls {
    /// TLS with the certificate and key of `config`.
    pub(super) fn new(config: &ServerConfig) -> Self {
        let resolver = Arc::clone(&config.cert_resolver);
        let builder = ServerConfig::builder_with_provider(Arc::clone(config.crypto_provider()));
        let wrapped = match builder.with_protocol_versions(WRAPPED) {
            Ok(builder) => builder.with_no_client_auth().with_cert_resolver(resolver),
            // A provider without that version: whoever can do with what it has may come.
            Err(_) => config.clone(),
        };
        let mut strict = config.clone();
        // Somebody in the middle cannot lead a client of another protocol here (ALPACA), nor one of ours elsewhere.
        strict.alpn_protocols = vec![ALPN.to_vec()];
        Self { wrapped: TlsAcceptor::from(Arc::new(wrapped)), strict: TlsAcceptor::from(Arc::new(strict)) }
    }
}

/// A client that wants to log in.
pub(super) struct Opened {
    pub(super) stream: Box<ClientStream>,
    pub(super) login: Login,
    /// Whether it was told that several results at once will do.
    pub(super) mars: bool,
}

/// Reads up to the log-in. The error was told to the client where there was something to tell.
pub(super) async fn open(tcp: TcpStream, tls: &ClientTls) -> Result<Opened, Outcome> {
    let mut first = [0];
    match tcp.peek(&mut first).await {
        Ok(0) | Err(_) => return Err(Outcome::Probe),
        Ok(_) => {}
    }
    let (mut stream, mars) =
        if first[0] == TLS_HANDSHAKE { strict(tcp, tls).await? } else { wrapped(tcp, tls).await? };
    let message = match wire::read_message(&mut *stream, MAX_LOGIN_LEN).await {
        Ok(message) if message.kind == PacketType::Login => message,
        Ok(_) => return Err(refuse(&mut *stream, Closing::client_violation("message before the log-in")).await),
        Err(ReadError::Left | ReadError::Broken(_)) => return Err(Outcome::ClientLeft),
        Err(ReadError::Violation(_)) => {
            return Err(refuse(&mut *stream, Closing::client_violation("log-in is malformed or too long")).await);
        }
    };
    match Login::decode(&message.data) {
        Ok(login) => Ok(Opened { stream, login, mars }),
        Err(DecodeError::Version(_)) => {
            let text = "the client speaks only a version of the protocol before 7.1: use a newer one";
            Err(refuse(&mut *stream, Closing::saying(Outcome::Unsupported("protocol version"), text)).await)
        }
        Err(_) => Err(refuse(&mut *stream, Closing::client_violation("malformed log-in")).await),
    }
}

/// A client that begins with TLS has to name the protocol within it.
async fn strict(tcp: TcpStream, tls: &ClientTls) -> Result<(Box<ClientStream>, bool), Outcome> {
    let mut stream = tls.strict.accept(InPrelogin::bare(tcp)).await.map(Box::new).map_err(tls_failed)?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(Outcome::Violation(Side::Client, "strict TLS without ALPN"));
    }
    let message = match wire::read_message(&mut *stream, MAX_PRELOGIN_LEN).await {
        Ok(message) => message,
        Err(ReadError::Left | ReadError::Broken(_)) => return Err(Outcome::ClientLeft),
        Err(ReadError::Violation(_)) => return Err(Outcome::Violation(Side::Client, "not a PRELOGIN")),
    };
    let mars = answer(&mut *stream, &message, Some(Encryption::NotSupported)).await?;
    Ok((stream, mars))
}

/// A client that begins with `PRELOGIN` in clear.
async fn wrapped(mut tcp: TcpStream, tls: &ClientTls) -> Result<(Box<ClientStream>, bool), Outcome> {
    let message = match wire::read_message(&mut tcp, MAX_PRELOGIN_LEN).await {
        Ok(message) => message,
        Err(ReadError::Left | ReadError::Broken(_)) => return Err(Outcome::ClientLeft),
        // Whoever does not speak this protocol at all gets no answer in it.
        Err(ReadError::Violation(_)) => return Err(Outcome::Violation(Side::Client, "not a PRELOGIN")),
    };
    // A client waits for the answer. What is there already was put in front of the encrypted stream by somebody else.
    let mut first = [0];
    if !matches!(tcp.try_read(&mut first), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock) {
        return Err(Outcome::Violation(Side::Client, "data before TLS"));
    }
    let mars = answer(&mut tcp, &message, None).await?;
    match tcp.peek(&mut first).await {
        Ok(0) | Err(_) => return Err(Outcome::ClientLeft),
        // A client that cannot, or will not, has understood that it has to, or goes on all the same.
        Ok(_) if first[0] != PacketType::Prelogin.byte() => {
            let closing = Closing::saying(Outcome::Unsupported("no TLS"), TLS_REQUIRED);
            return Err(refuse(&mut tcp, closing).await);
        }
        Ok(_) => {}
    }
    let mut stream = tls.wrapped.accept(InPrelogin::new(tcp)).await.map(Box::new).map_err(tls_failed)?;
    stream.get_mut().0.shaken();
    Ok((stream, mars))
}

/// Answers a `PRELOGIN`. Returns whether several results at once are agreed.
async fn answer<S>(client: &mut S, message: &Message, encryption: Option<Encryption>) -> Result<bool, Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if message.kind == PacketType::Login {
        let closing = Closing::saying(Outcome::Unsupported("no TLS"), TLS_REQUIRED);
        return Err(refuse(client, closing).await);
    }
    let asked = match message.kind {
        PacketType::Prelogin => Prelogin::decode(&message.data),
        other => Err(DecodeError::PacketType(other.byte())),
    };
    let Ok(asked) = asked else { return Err(Outcome::Violation(Side::Client, "malformed PRELOGIN")) };
    let mars = asked.mars == Some(true);
    let encryption = encryption.unwrap_or(match asked.encryption {
        None | Some(Encryption::Off | Encryption::NotSupported) => Encryption::Required,
        Some(_) => Encryption::On,
    });
    let reply = Prelogin {
        encryption: Some(encryption),
        // It is the instance that was asked for, whatever its name.
        instance: Some(b""),
        mars: asked.mars,
        federated: (encryption != Encryption::NotSupported).then_some(0).filter(|_| asked.federated.is_some()),
        ..Prelogin::of_version(VERSION)
    };
    let mut data = Vec::new();
    reply.encode(&mut data).map_err(|_| Outcome::Unsupported("encoding"))?;
    wire::send_message(client, PacketType::Result, &data).await.map_err(|_| Outcome::ClientLeft)?;
    Ok(mars)
}

fn tls_failed(error: std::io::Error) -> Outcome {
    tracing::debug!(%error, "TLS handshake with the client failed");
    Outcome::TlsFailed
}

/// Tells a client why, before it has said which version it speaks.
async fn refuse<S>(client: &mut S, closing: Closing) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    say_farewell(client, &closing.bytes(TdsVersion::V7_4)).await;
    closing.outcome
}
