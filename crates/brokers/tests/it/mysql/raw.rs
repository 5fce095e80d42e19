//! A client made by hand, for what no real one does.

use std::sync::Arc;

use mayfly_protocol::mysql::{
    Capabilities, Command, Nonce,
    auth::{AuthPlugin, Channel, Client, ClientStep},
    connect::{Attributes, Greeting, Login, SslRequest},
    frame::{self, Packet, PacketReader, Sequence},
    reply::{AuthReply, ErrPacket, tag},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::gateway::Gateway;
use crate::{
    door::{SECRET, USER},
    gateway::DEADLINE,
};

pub(super) use crate::raw::rest;

/// What this client wants, unless a test says otherwise.
pub(super) const WANTED: Capabilities = Capabilities::SPOKEN.without(Capabilities::CONNECT_WITH_DB);

/// A connection in clear.
pub(super) async fn tcp(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The next packet of a stream, or `None` at its end.
pub(super) async fn packet(stream: &mut (impl AsyncRead + Unpin)) -> Option<Packet> {
    let reading = async {
        let mut reader = PacketReader::new(64 * 1024);
        let mut piece = [0; 4096];
        loop {
            let wanted = reader.wants().min(piece.len());
            let read = stream.read(&mut piece[..wanted]).await.ok().filter(|read| *read > 0)?;
            if let (_, Some(packet)) = reader.push(&piece[..read]).unwrap() {
                return Some(packet);
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("a packet comes in time")
}

/// Starts TLS on a stream, with these application protocols.
pub(super) async fn encrypt(
    gateway: &Gateway,
    tcp: TcpStream,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(gateway.ca_pem.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

/// A client inside TLS.
pub(super) struct Raw {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) sequence: Sequence,
    /// What the broker greeted with.
    pub(super) id: u32,
    pub(super) offered: Capabilities,
    pub(super) nonce: Nonce,
    pub(super) plugin: Vec<u8>,
}

impl Raw {
    /// Reads the greeting, asks for TLS and starts it.
    pub(super) async fn connect(gateway: &Gateway) -> Self {
        let mut stream = tcp(gateway).await;
        let mut sequence = Sequence::new();
        let first = packet(&mut stream).await.expect("a greeting");
        sequence.check(&first).unwrap();
        let greeting = Greeting::decode(&first.payload).unwrap();
        let mut request = Vec::new();
        SslRequest { capabilities: WANTED, max_packet_len: 1 << 24, collation: 45 }
            .encode(&mut sequence, &mut request)
            .unwrap();
        stream.write_all(&request).await.unwrap();
        let (id, offered, nonce) = (greeting.connection_id, greeting.capabilities, greeting.nonce.clone());
        let plugin = greeting.plugin.to_vec();
        let stream = encrypt(gateway, stream, &[]).await.unwrap();
        Self { stream, sequence, id, offered, nonce, plugin }
    }

    /// Signs in with a plugin of its own choice; returns the kinds and lengths of what came back, and the error if there was one.
    pub(super) async fn sign_in(
        &mut self,
        plugin: AuthPlugin,
        user: &str,
        secret: &str,
    ) -> (Vec<(u8, usize)>, Option<ErrPacket>) {
        let (mut client, response) =
            Client::start(plugin.name().as_bytes(), &self.nonce, secret.as_bytes(), Channel::Tls).unwrap();
        self.log_in(user, client.plugin().name(), &response).await;
        let mut shape = Vec::new();
        loop {
            let packet = self.next().await.expect("an answer to the log-in");
            shape.push((packet.payload[0], packet.payload.len()));
            match client.exchange(AuthReply::decode(&packet.payload, WANTED).unwrap()).unwrap() {
                ClientStep::Send(payload) => self.send(&payload).await,
                ClientStep::Wait => {}
                ClientStep::Success => return (shape, None),
                ClientStep::Failure(error) => return (shape, Some(error)),
            }
        }
    }

    /// Sends a log-in.
    pub(super) async fn log_in(&mut self, user: &str, plugin: &str, response: &[u8]) {
        let login = Login {
            capabilities: WANTED,
            max_packet_len: 1 << 24,
            collation: 45,
            user: user.as_bytes(),
            response,
            database: None,
            plugin: Some(plugin.as_bytes()),
            attributes: Attributes::new(),
        };
        let mut out = Vec::new();
        login.encode(&mut self.sequence, &mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    /// A client that is ready for its first command.
    pub(super) async fn ready(gateway: &Gateway) -> Self {
        let mut client = Self::connect(gateway).await;
        let (_, error) = client.sign_in(AuthPlugin::CachingSha2Password, USER, SECRET).await;
        assert_eq!(error, None);
        client
    }

    /// Sends a payload with the next number.
    pub(super) async fn send(&mut self, payload: &[u8]) {
        let mut out = Vec::new();
        frame::encode(payload, &mut self.sequence, &mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next packet, which has the next number, or `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Packet> {
        let packet = packet(&mut self.stream).await?;
        self.sequence.check(&packet).unwrap();
        Some(packet)
    }

    /// The next packet, whatever its number, or `None` at the end.
    pub(super) async fn next_unchecked(&mut self) -> Option<Packet> {
        packet(&mut self.stream).await
    }

    /// The next packet, which has to be an error.
    pub(super) async fn error(&mut self) -> ErrPacket {
        let packet = self.next().await.expect("an error");
        ErrPacket::decode(&packet.payload).unwrap()
    }

    /// Sends a command.
    pub(super) async fn command(&mut self, command: Command, rest: &[u8]) {
        self.sequence = Sequence::new();
        let payload = [&[command as u8], rest].concat();
        let mut out = Vec::new();
        frame::encode(&payload, &mut self.sequence, &mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    /// Sends a query.
    pub(super) async fn query(&mut self, sql: &str) {
        self.command(Command::Query, sql.as_bytes()).await;
    }

    /// Sends a query and returns its rows, each the values of its columns, or the error.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Vec<Vec<String>>, ErrPacket> {
        self.query(sql).await;
        let first = self.next().await.expect("a response");
        let columns = match first.payload[0] {
            tag::OK => return Ok(Vec::new()),
            tag::ERR => return Err(ErrPacket::decode(&first.payload).unwrap()),
            count => count,
        };
        for _ in 0..columns {
            self.next().await.expect("a column");
        }
        let mut rows = Vec::new();
        loop {
            let packet = self.next().await.expect("a row");
            match packet.payload[0] {
                0xfe => return Ok(rows),
                tag::ERR => return Err(ErrPacket::decode(&packet.payload).unwrap()),
                _ => rows.push(values(&packet.payload)),
            }
        }
    }

    /// Sends a query and returns the only value of its result.
    pub(super) async fn value(&mut self, sql: &str) -> String {
        self.ask(sql).await.unwrap().remove(0).remove(0)
    }
}

/// The values of a row, each shorter than 251 bytes.
fn values(mut row: &[u8]) -> Vec<String> {
    let mut values = Vec::new();
    while let Some((len, rest)) = row.split_first() {
        if *len == 0xfb {
            values.push("NULL".to_owned());
            row = rest;
            continue;
        }
        let (value, rest) = rest.split_at(usize::from(*len));
        values.push(String::from_utf8(value.to_vec()).unwrap());
        row = rest;
    }
    values
}
