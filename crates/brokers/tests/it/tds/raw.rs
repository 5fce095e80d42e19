//! A client made by hand, on the codec.

use mayfly_dial::{InPrelogin, tls_client_config, tls_connect, tls_connect_in_prelogin};
use mayfly_domain::{Endpoint, Trust};
use mayfly_protocol::tds::{
    Encryption, Prelogin, TdsVersion,
    frame::{Message, MessageReader, PacketType, Packets, Status},
    login::Login,
    request::Batch,
    token::{ServerMessage, Severity, Token, Tokens},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::gateway::Gateway;
use crate::{
    door::{SECRET, USER},
    gateway::DEADLINE,
};

/// A connection in clear.
pub(super) async fn tcp(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Everything until the other side closes, in good time.
pub(super) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    // A reset is an end as well.
    let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut all)).await.expect("it is closed in time");
    all
}

/// The next message; `None` at the end.
pub(super) async fn message(stream: &mut (impl AsyncRead + Unpin)) -> Option<Message> {
    let reading = async {
        let mut reader = MessageReader::new(1 << 22);
        let mut piece = [0; 4096];
        loop {
            let wanted = reader.wants().min(piece.len());
            let read = stream.read(&mut piece[..wanted]).await.unwrap_or(0);
            if read == 0 {
                return None;
            }
            if let (_, Some(message)) = reader.push(&piece[..read]).unwrap() {
                return Some(message);
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("a message comes in time")
}

/// A message in packets.
pub(super) fn packets(kind: PacketType, data: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    Packets::of(kind).encode(data, &mut wire);
    wire
}

/// What a client says first.
pub(super) fn prelogin(encryption: Encryption, mars: bool) -> Vec<u8> {
    let mut data = Vec::new();
    let prelogin = Prelogin {
        encryption: Some(encryption),
        instance: Some(b""),
        mars: Some(mars),
        ..Prelogin::of_version([9, 0, 0, 0, 0, 0])
    };
    prelogin.encode(&mut data).unwrap();
    packets(PacketType::Prelogin, &data)
}

/// The data of a log-in.
pub(super) fn login(login: &Login) -> Vec<u8> {
    let mut data = Vec::new();
    login.encode(&mut data).unwrap();
    packets(PacketType::Login, &data)
}

/// A client within TLS.
pub(super) struct Raw {
    pub(super) stream: TlsStream<InPrelogin<TcpStream>>,
}

fn trust(gateway: &Gateway) -> (std::sync::Arc<rustls::ClientConfig>, Endpoint) {
    let trust = Trust::VerifyFull { ca_pem: gateway.ca_pem.clone() };
    let endpoint = Endpoint { host: "localhost".to_owned(), port: gateway.port };
    (tls_client_config(&trust).unwrap().unwrap(), endpoint)
}

impl Raw {
    /// Says what it can, and starts TLS.
    pub(super) async fn connect(gateway: &Gateway, mars: bool) -> Self {
        let mut stream = tcp(gateway).await;
        stream.write_all(&prelogin(Encryption::On, mars)).await.unwrap();
        let answer = message(&mut stream).await.unwrap();
        let answer = Prelogin::decode(&answer.data).unwrap();
        assert_eq!((answer.encryption, answer.mars), (Some(Encryption::On), Some(mars)));
        let (config, endpoint) = trust(gateway);
        let tls = tls_connect_in_prelogin(config, &endpoint, stream, DEADLINE).await.unwrap();
        Self { stream: tls.stream }
    }

    /// A client that is logged in.
    pub(super) async fn ready(gateway: &Gateway) -> Self {
        let mut client = Self::connect(gateway, false).await;
        client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
        let tokens = client.tokens().await;
        assert!(tokens.iter().any(|token| matches!(token, Token::LoginAck(_))), "{tokens:?}");
        client
    }

    /// The tokens of the next message.
    pub(super) async fn tokens(&mut self) -> Vec<Token> {
        let message = message(&mut self.stream).await.expect("a message");
        assert_eq!(message.kind, PacketType::Result);
        Tokens::new(&message.data, TdsVersion::V7_4).collect::<Result<_, _>>().unwrap()
    }

    /// The error of the next message, which has to have one.
    pub(super) async fn error(&mut self) -> ServerMessage {
        let tokens = self.tokens().await;
        let found = tokens.iter().find_map(|token| match token {
            Token::Message(message) if message.severity == Severity::Error => Some(message.clone()),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{tokens:?}"))
    }

    /// Sends statements.
    pub(super) async fn batch(&mut self, sql: &str) {
        self.batch_with(sql, Status::NORMAL).await;
    }

    /// Sends statements in packets that want this.
    pub(super) async fn batch_with(&mut self, sql: &str, status: Status) {
        let (mut data, mut wire) = (Vec::new(), Vec::new());
        Batch::new(sql).encode(TdsVersion::V7_4, &mut data);
        Packets { status, ..Packets::of(PacketType::Batch) }.encode(&data, &mut wire);
        self.stream.write_all(&wire).await.unwrap();
    }

    /// The rows of the answer to statements, as they are shown.
    pub(super) async fn rows(&mut self, sql: &str) -> Vec<String> {
        self.batch(sql).await;
        let tokens = self.tokens().await;
        tokens
            .iter()
            .filter_map(|token| if let Token::Row(row) = token { Some(format!("{row:?}")) } else { None })
            .collect()
    }
}

/// Starts TLS at once, with these names of protocols.
pub(super) async fn strict(gateway: &Gateway, alpn: &[&[u8]]) -> Result<TlsStream<TcpStream>, mayfly_dial::DialError> {
    let (config, endpoint) = trust(gateway);
    let mut config = (*config).clone();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    tls_connect(config.into(), &endpoint, tcp(gateway).await, DEADLINE).await.map(|tls| tls.stream)
}
