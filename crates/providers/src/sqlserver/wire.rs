//! The way to a server beneath the driver: PRELOGIN and TLS are ours, so that a server is trusted by `dial`'s rules and no others.
//! The driver would bring a second TLS library and add the system's authorities; built without any, it asks for a connection
//! in the clear, and what it then writes goes into the TLS that is there already. Its own PRELOGIN is answered here.

use crate::meter::{Meter, Metered};
use futures_util::io::{AsyncRead, AsyncWrite};
use mayfly_dial::{Credential, DialError, InPrelogin, tls_connect_in_prelogin};
use mayfly_domain::{Endpoint, Failure, FailureClass};
use mayfly_protocol::tds::frame::{HEADER_LEN, Header, Message, MessageReader, PacketType, Packets};
use mayfly_protocol::tds::{Encryption, MAX_PRELOGIN_LEN, Prelogin};
use rustls::ClientConfig;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tiberius::{AuthMethod, Config, EncryptionLevel};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The connection, whichever way it came about.
#[derive(Debug)]
enum Way {
    /// In the clear, which only a record that says so gets.
    Bare(Metered<TcpStream>),
    /// Encrypted, to a server that has proven who it is.
    Tls(Box<TlsStream<InPrelogin<Metered<TcpStream>>>>),
}

/// What the driver reads from and writes to.
#[derive(Debug)]
pub(crate) struct Wire {
    way: Way,
    /// Takes the driver's PRELOGIN away; `None` once it has come.
    taken: Option<MessageReader>,
    /// What answers it, as far as it is not read yet.
    answer: Vec<u8>,
}

/// Agrees with the server on encryption and starts it, as `config` demands: with one nothing is sent in the clear but the
/// PRELOGIN itself, and a server that declines is refused.
///
/// # Errors
/// A [`Failure`] when the server speaks another protocol, declines, or cannot be trusted.
pub(crate) async fn prepare(
    stream: TcpStream,
    meter: Meter,
    config: Option<Arc<ClientConfig>>,
    endpoint: &Endpoint,
    limit: Duration,
) -> Result<Wire, Failure> {
    let mut stream = Metered::new(stream, meter);
    let wanted = if config.is_some() { Encryption::On } else { Encryption::NotSupported };
    let agreed = exchange(&mut stream, wanted, endpoint).await?;
    let way = match (config, agreed) {
        (Some(config), Encryption::On | Encryption::Required) => {
            let connection = tls_connect_in_prelogin(config, endpoint, stream, limit).await;
            Way::Tls(Box::new(connection.map_err(|error| of_dial(&error))?.stream))
        }
        (None, Encryption::NotSupported | Encryption::Off) => Way::Bare(stream),
        (Some(_), _) => {
            let text = format!(
                "{endpoint} does not encrypt connections: give SQL Server a certificate, or use `tls: {{mode: plaintext}}` where the network is trusted"
            );
            return Err(Failure::new(FailureClass::Conflict, text));
        }
        (None, _) => {
            let text =
                format!("{endpoint} takes encrypted connections only: give the record `tls: {{mode: verify_full}}`");
            return Err(Failure::new(FailureClass::Conflict, text));
        }
    };
    let mut answer = Vec::new();
    Packets::of(PacketType::Result).encode(&prelogin(Encryption::NotSupported), &mut answer);
    Ok(Wire { way, taken: Some(MessageReader::new(MAX_PRELOGIN_LEN)), answer })
}

/// How the driver is to log in on what [`prepare`] made.
pub(crate) fn config(host: &str, database: Option<&str>, credential: &Credential) -> Config {
    let mut config = Config::new();
    config.host(host);
    if let Some(database) = database {
        config.database(database);
    }
    config.application_name("Mayfly");
    config.authentication(AuthMethod::sql_server(&credential.login, credential.secret.expose()));
    // Encryption is there already.
    config.encryption(EncryptionLevel::NotSupported);
    config.handshake_timeout(None);
    config
}

/// What we say of ourselves: no version of a client that a server might have to be kind to.
fn prelogin(encryption: Encryption) -> Vec<u8> {
    let mut data = Vec::new();
    let prelogin = Prelogin { encryption: Some(encryption), mars: Some(false), ..Prelogin::of_version([0; 6]) };
    // Without an instance or a trace there is nothing that could be too long.
    let _ = prelogin.encode(&mut data);
    data
}

/// Sends our PRELOGIN and reads the server's.
async fn exchange(
    stream: &mut Metered<TcpStream>,
    wanted: Encryption,
    endpoint: &Endpoint,
) -> Result<Encryption, Failure> {
    let broken =
        || Failure::new(FailureClass::Unreachable, format!("the connection to {endpoint} broke before the log-in"));
    let stranger = || {
        let text =
            format!("what answers at {endpoint} does not begin as SQL Server does: check the record's host and port");
        Failure::new(FailureClass::Conflict, text)
    };
    let mut packets = Vec::new();
    Packets::of(PacketType::Prelogin).encode(&prelogin(wanted), &mut packets);
    stream.write_all(&packets).await.map_err(|_| broken())?;
    stream.flush().await.map_err(|_| broken())?;
    let message = read(stream)
        .await
        .map_err(|error| if error.kind() == io::ErrorKind::InvalidData { stranger() } else { broken() })?;
    if message.kind != PacketType::Result {
        return Err(stranger());
    }
    let answer = Prelogin::decode(&message.data).map_err(|_| stranger())?;
    Ok(answer.encryption.unwrap_or(Encryption::NotSupported))
}

/// Reads one message and not a byte more: what follows it is TLS.
async fn read(stream: &mut Metered<TcpStream>) -> io::Result<Message> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut reader = MessageReader::new(MAX_PRELOGIN_LEN);
    loop {
        let mut header = [0; HEADER_LEN];
        stream.read_exact(&mut header).await?;
        let len = Header::decode(header).map_err(|_| invalid())?.len;
        let mut packet = header.to_vec();
        packet.resize(HEADER_LEN + len.min(MAX_PRELOGIN_LEN), 0);
        stream.read_exact(&mut packet[HEADER_LEN..]).await?;
        let (_, message) = reader.push(&packet).map_err(|_| invalid())?;
        if let Some(message) = message {
            return Ok(message);
        }
    }
}

fn of_dial(error: &DialError) -> Failure {
    Failure::new(error.class(), error.person_text())
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.taken.is_none() && !this.answer.is_empty() {
            let count = this.answer.len().min(buf.len());
            buf[..count].copy_from_slice(&this.answer[..count]);
            this.answer.drain(..count);
            return Poll::Ready(Ok(count));
        }
        let mut buffer = ReadBuf::new(buf);
        let polled = match &mut this.way {
            Way::Bare(stream) => tokio::io::AsyncRead::poll_read(Pin::new(stream), cx, &mut buffer),
            Way::Tls(stream) => tokio::io::AsyncRead::poll_read(Pin::new(stream), cx, &mut buffer),
        };
        polled.map_ok(|()| buffer.filled().len())
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Some(reader) = &mut this.taken {
            let pushed = reader.push(buf).map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
            let (count, message) = pushed?;
            if message.is_some() {
                this.taken = None;
            }
            return Poll::Ready(Ok(count));
        }
        match &mut this.way {
            Way::Bare(stream) => tokio::io::AsyncWrite::poll_write(Pin::new(stream), cx, buf),
            Way::Tls(stream) => tokio::io::AsyncWrite::poll_write(Pin::new(stream), cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Bare(stream) => tokio::io::AsyncWrite::poll_flush(Pin::new(stream), cx),
            Way::Tls(stream) => tokio::io::AsyncWrite::poll_flush(Pin::new(stream), cx),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Bare(stream) => tokio::io::AsyncWrite::poll_shutdown(Pin::new(stream), cx),
            Way::Tls(stream) => tokio::io::AsyncWrite::poll_shutdown(Pin::new(stream), cx),
        }
    }
}
