//! A client made by hand, for what no real one does.

use std::{num::NonZeroU32, sync::Arc};

use mayfly_protocol::{
    postgres::{
        ProtocolVersion,
        backend::{Authentication, ErrorFields, SqlState},
        frontend::{Query, SaslInitialResponse, SaslResponse},
        startup::{Parameters, StartupMessage, encode_ssl_request},
    },
    scram::{Client, ClientSecret, Mechanism, Nonce, Step},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    door::{SECRET, USER},
    gateway::{DEADLINE, Gateway},
};

/// A connection in clear.
pub(crate) async fn tcp(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Everything until the other side closes, in good time.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    // A reset is an end as well.
    let _ =
        tokio::time::timeout(DEADLINE, stream.read_to_end(&mut all)).await.expect("the connection is closed in time");
    all
}

/// Starts TLS on a stream, with these application protocols.
pub(crate) async fn encrypt(
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
pub(crate) struct Raw {
    pub(crate) stream: TlsStream<TcpStream>,
}

impl Raw {
    /// Asks for TLS and starts it.
    pub(crate) async fn connect(gateway: &Gateway) -> Self {
        let mut stream = tcp(gateway).await;
        let mut request = Vec::new();
        encode_ssl_request(&mut request);
        stream.write_all(&request).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'S');
        Self { stream: encrypt(gateway, stream, &[]).await.unwrap() }
    }

    /// Sends a start-up message.
    pub(crate) async fn start(&mut self, version: ProtocolVersion, pairs: &[(&str, &str)]) {
        let mut parameters = Parameters::new();
        for (name, value) in pairs {
            parameters.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        let mut out = Vec::new();
        StartupMessage { version, parameters }.encode(&mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next message, or `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let reading = async {
            let tag = self.stream.read_u8().await.ok()?;
            let length = usize::try_from(self.stream.read_u32().await.ok()?).unwrap();
            let mut body = vec![0; length - 4];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((tag, body))
        };
        tokio::time::timeout(DEADLINE, reading).await.expect("a message comes in time")
    }

    /// The next message, which has to be an error.
    pub(crate) async fn error(&mut self) -> ErrorFields {
        match self.next().await {
            Some((b'E', body)) => ErrorFields::decode(&body).unwrap(),
            other => panic!("{:?}", other.map(|(tag, body)| (char::from(tag), body))),
        }
    }

    /// Signs in with a secret after the start-up message was sent; returns the kinds and lengths of what came back, and
    /// the error if there was one.
    pub(crate) async fn sign_in(&mut self, secret: &str) -> (Vec<(char, usize)>, Option<ErrorFields>) {
        let mut shape = Vec::new();
        let (_, body) = self.note(&mut shape).await;
        let Ok(Authentication::Sasl(offered)) = Authentication::decode(&body) else { panic!("{body:?}") };
        let offered: Vec<_> = offered.into_iter().filter(|name| *name == Mechanism::ScramSha256.name()).collect();
        let secret = ClientSecret::from_password(secret.as_bytes());
        let most = NonZeroU32::new(10_000).unwrap();
        let (client, first) = Client::start(&offered, None, secret, Nonce::from_bytes(&[3; 18]), most).unwrap();
        let mut out = Vec::new();
        let response = SaslInitialResponse { mechanism: client.mechanism().name(), data: Some(&first) };
        response.encode(&mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
        let (_, body) = self.note(&mut shape).await;
        let Ok(Authentication::SaslContinue(data)) = Authentication::decode(&body) else { panic!("{body:?}") };
        let Step::Continue { reply, .. } = client.exchange(data).unwrap() else { panic!("no continuation") };
        out.clear();
        SaslResponse { data: &reply }.encode(&mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
        let (tag, body) = self.note(&mut shape).await;
        if tag == b'E' {
            return (shape, Some(ErrorFields::decode(&body).unwrap()));
        }
        let (_, ok) = self.note(&mut shape).await;
        assert_eq!(Authentication::decode(&ok), Ok(Authentication::Ok));
        (shape, None)
    }

    async fn note(&mut self, shape: &mut Vec<(char, usize)>) -> (u8, Vec<u8>) {
        let (tag, body) = self.next().await.expect("a message");
        shape.push((char::from(tag), body.len()));
        (tag, body)
    }

    /// A client that is ready for its first query; returns it with the messages of the greeting.
    pub(crate) async fn ready(gateway: &Gateway) -> (Self, Vec<(u8, Vec<u8>)>) {
        let mut client = Self::connect(gateway).await;
        client.start(ProtocolVersion::V3_0, &[("user", USER)]).await;
        assert_eq!(client.sign_in(SECRET).await.1, None);
        let mut greeting = Vec::new();
        loop {
            let message = client.next().await.expect("a greeting");
            assert_ne!(message.0, b'E', "{:?}", ErrorFields::decode(&message.1));
            greeting.push(message);
            if greeting.last().unwrap().0 == b'Z' {
                return (client, greeting);
            }
        }
    }

    /// Sends a query.
    pub(crate) async fn query(&mut self, sql: &str) {
        let mut out = Vec::new();
        Query { sql: sql.as_bytes() }.encode(&mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }
}

/// The code of an error.
pub(crate) fn code(fields: &ErrorFields) -> String {
    fields.code().as_ref().map(SqlState::to_string).unwrap_or_default()
}
