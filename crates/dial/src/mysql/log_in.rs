//! The log-in itself: greeting, TLS, proof.

use super::error::LogInError;
use super::stream::Stream;
use crate::credentials::Credential;
use crate::error::DialError;
use crate::tls::tls_connect;
use crate::trust::tls_client_config;
use mayfly_domain::{Destination, Endpoint};
use mayfly_protocol::mysql::auth::{AuthError, Channel, Client, ClientStep};
use mayfly_protocol::mysql::connect::{Attributes, Greeting, Login, SslRequest};
use mayfly_protocol::mysql::frame::{self, MAX_LOGIN_LEN, Packet, PacketReader, Sequence};
use mayfly_protocol::mysql::reply::{AuthReply, ErrPacket, tag};
use mayfly_protocol::mysql::{Capabilities, DecodeError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// What has to be on every connection of ours: the protocol of MySQL 4.1 with named plugins.
const NEEDED: Capabilities = Capabilities::from_bits(
    Capabilities::LONG_PASSWORD.bits()
        | Capabilities::PROTOCOL_41.bits()
        | Capabilities::SECURE_CONNECTION.bits()
        | Capabilities::PLUGIN_AUTH.bits(),
);

/// What the log-in asks for, beside who logs in.
#[derive(Debug, Clone)]
pub struct LogIn<'a> {
    /// What is wanted of [`Capabilities::SPOKEN`]. What the server does not offer is left out; what the log-in itself needs is
    /// added.
    pub capabilities: Capabilities,
    /// The longest message that is wanted, in bytes.
    pub max_packet_len: u32,
    /// The lower byte of the number of the session's collation.
    pub collation: u8,
    /// The database to begin in, if any.
    pub database: Option<&'a [u8]>,
    /// What the client says about itself.
    pub attributes: Attributes<'a>,
}

/// A connection that is logged in, at the beginning of its first command.
#[derive(Debug)]
pub struct LoggedIn {
    /// The connection.
    pub stream: Stream,
    /// The number that the server gave it, as far as the greeting has room: 32 bits.
    pub connection_id: u32,
    /// What the server calls its version, escaped. It came before TLS, so that nothing may depend on it.
    pub server_version: String,
    /// What both sides have.
    pub agreed: Capabilities,
    /// Status flags, as in [`OkPacket::status`](mayfly_protocol::mysql::reply::OkPacket::status).
    pub status: u16,
}

/// Logs in as `credential` on a new connection to `destination`, within `limit`.
///
/// # Errors
/// [`LogInError`]; the connection is gone then.
pub async fn log_in(
    stream: TcpStream,
    destination: &Destination,
    credential: &Credential,
    wish: &LogIn<'_>,
    limit: Duration,
) -> Result<LoggedIn, LogInError> {
    let endpoint = &destination.endpoint;
    match tokio::time::timeout(limit, exchange(stream, destination, credential, wish, limit)).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(DialError::TimedOut { endpoint: endpoint.clone(), limit }.into()),
    }
}

async fn exchange(
    mut tcp: TcpStream,
    destination: &Destination,
    credential: &Credential,
    wish: &LogIn<'_>,
    limit: Duration,
) -> Result<LoggedIn, LogInError> {
    let at = At { endpoint: &destination.endpoint, user: &credential.login };
    let config = tls_client_config(&destination.trust)?;
    let mut sequence = Sequence::new();
    let first = at.receive(&mut tcp, &mut sequence).await?;
    if first.payload.first() == Some(&tag::ERR) {
        return Err(at.refused(&ErrPacket::decode(&first.payload).map_err(|error| at.not_mysql(error))?));
    }
    let greeting = Greeting::decode(&first.payload).map_err(|error| at.not_mysql(error))?;
    let mut capabilities = wish.capabilities & greeting.capabilities & Capabilities::SPOKEN | NEEDED;
    capabilities = capabilities.without(Capabilities::CONNECT_WITH_DB | Capabilities::SSL);
    if wish.database.is_some() {
        capabilities = capabilities | Capabilities::CONNECT_WITH_DB;
    }
    let has_attributes = capabilities.contains(Capabilities::CONNECT_ATTRS) && !wish.attributes.is_empty();
    if !has_attributes {
        capabilities = capabilities.without(Capabilities::CONNECT_ATTRS);
    }
    let (mut stream, channel) = match config {
        None => (Stream::Plain(tcp), Channel::Clear),
        Some(config) => {
            if !greeting.capabilities.contains(Capabilities::SSL) {
                return Err(LogInError::NoTls { endpoint: at.endpoint.clone() });
            }
            capabilities = capabilities | Capabilities::SSL;
            let request = SslRequest { capabilities, max_packet_len: wish.max_packet_len, collation: wish.collation };
            let mut bytes = Vec::new();
            request.encode(&mut sequence, &mut bytes).map_err(|_| at.unwritable())?;
            at.send(&mut tcp, &bytes).await?;
            let tls = tls_connect(config, at.endpoint, tcp, limit).await?;
            (Stream::Tls(Box::new(tls.stream)), Channel::Tls)
        }
    };
    let (mut client, response) =
        Client::start(greeting.plugin, &greeting.nonce, credential.secret.expose().as_bytes(), channel)
            .map_err(|_| at.unwritable())?;
    let login = Login {
        capabilities,
        max_packet_len: wish.max_packet_len,
        collation: wish.collation,
        user: credential.login.as_bytes(),
        response: &response,
        database: wish.database,
        plugin: Some(client.plugin().name().as_bytes()),
        attributes: if has_attributes { wish.attributes.clone() } else { Attributes::new() },
    };
    let mut bytes = Vec::new();
    login.encode(&mut sequence, &mut bytes).map_err(|_| at.unwritable())?;
    at.send(&mut stream, &bytes).await?;
    let agreed = login.agreed(greeting.capabilities);
    let status = at.prove(&mut stream, &mut sequence, &mut client, agreed).await?;
    let server_version = greeting.server_version.escape_ascii().to_string();
    Ok(LoggedIn { stream, connection_id: greeting.connection_id, server_version, agreed, status })
}

/// With whom, for what is said when it fails.
struct At<'a> {
    endpoint: &'a Endpoint,
    user: &'a str,
}

impl At<'_> {
    /// Answers until the server says yes or no.
    async fn prove(
        &self,
        stream: &mut Stream,
        sequence: &mut Sequence,
        client: &mut Client,
        agreed: Capabilities,
    ) -> Result<u16, LogInError> {
        loop {
            let packet = self.receive(stream, sequence).await?;
            let reply = AuthReply::decode(&packet.payload, agreed).map_err(|error| self.not_mysql(error))?;
            let status = if let AuthReply::Ok(ok) = &reply { ok.status } else { 0 };
            match client.exchange(reply).map_err(|error| self.spoilt(error))? {
                ClientStep::Success => return Ok(status),
                ClientStep::Failure(error) => return Err(self.refused(&error)),
                ClientStep::Wait => {}
                ClientStep::Send(payload) => {
                    let mut bytes = Vec::with_capacity(payload.len() + frame::HEADER_LEN);
                    frame::encode(&payload, sequence, &mut bytes);
                    let sent = self.send(stream, &bytes).await;
                    zeroize::Zeroize::zeroize(&mut bytes);
                    sent?;
                }
            }
        }
    }

    async fn send(&self, to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), LogInError> {
        let sent = async {
            to.write_all(bytes).await?;
            to.flush().await
        };
        sent.await.map_err(|_| self.closed())
    }

    /// Reads one packet, and nothing that follows it.
    async fn receive(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        sequence: &mut Sequence,
    ) -> Result<Packet, LogInError> {
        let mut reader = PacketReader::new(MAX_LOGIN_LEN);
        loop {
            let mut piece = vec![0; reader.wants()];
            let read = from.read(&mut piece).await.map_err(|_| self.closed())?;
            let piece = piece.get(..read).filter(|piece| !piece.is_empty()).ok_or_else(|| self.closed())?;
            let (_, packet) = reader.push(piece).map_err(|error| self.not_mysql(error))?;
            if let Some(packet) = packet {
                sequence.check(&packet).map_err(|error| self.not_mysql(error))?;
                return Ok(packet);
            }
        }
    }

    fn refused(&self, error: &ErrPacket) -> LogInError {
        LogInError::Refused { endpoint: self.endpoint.clone(), user: self.user.to_owned(), number: error.number }
    }

    fn closed(&self) -> LogInError {
        LogInError::Closed { endpoint: self.endpoint.clone() }
    }

    fn unwritable(&self) -> LogInError {
        LogInError::Unwritable { endpoint: self.endpoint.clone() }
    }

    fn not_mysql(&self, error: DecodeError) -> LogInError {
        LogInError::NotMysql { endpoint: self.endpoint.clone(), source: Some(error) }
    }

    fn spoilt(&self, error: AuthError) -> LogInError {
        let endpoint = self.endpoint.clone();
        match error {
            AuthError::NoTls => LogInError::NeedsTls { endpoint },
            AuthError::Plugin(plugin) => LogInError::Plugin { endpoint, plugin },
            _ => LogInError::NotMysql { endpoint, source: None },
        }
    }
}
