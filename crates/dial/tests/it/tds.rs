//! TLS within PRELOGIN packets, against a server that puts its part into packets of any size and takes ours apart.

use crate::certificates::{Authority, Identity, Server, answer};
use crate::{AMPLE, destination, dial};
use mayfly_dial::{DialError, InPrelogin, TlsConnection, tls_client_config, tls_connect_in_prelogin};
use mayfly_domain::{Destination, Trust};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How the server packs its part of the handshake.
#[derive(Clone, Copy)]
enum Packs {
    /// As the data of packets of this type, with at most so many bytes each.
    In { kind: u8, most: usize },
    /// Not at all.
    Bare,
}

/// Serves one handshake after another, then sends back what it hears.
async fn serve(identity: &Identity, version: &'static SupportedProtocolVersion, packs: Packs) -> Server {
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .unwrap();
    let config = Arc::new(config);
    answer(move |stream| {
        let config = Arc::clone(&config);
        async move {
            // Clients that refuse end the handshake; that is what some tests are about.
            let _ = echo(stream, config, packs).await;
        }
    })
    .await
}

async fn echo(mut stream: TcpStream, config: Arc<ServerConfig>, packs: Packs) -> io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        if tls.wants_write() {
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            send(&mut stream, &out, packs).await?;
        } else {
            let mut header = [0; 8];
            stream.read_exact(&mut header).await?;
            assert_eq!((header[0], header[1]), (0x12, 1), "the client's part is PRELOGIN");
            let mut data = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
            stream.read_exact(&mut data).await?;
            let mut rest = data.as_slice();
            while !rest.is_empty() {
                tls.read_tls(&mut rest)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
        }
    }
    // Tickets of TLS 1.3 may come in a packet still, or bare: here in one.
    let mut tickets = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut tickets)?;
    }
    if !tickets.is_empty() {
        send(&mut stream, &tickets, packs).await?;
    }
    loop {
        let mut raw = vec![0; 4096];
        let count = stream.read(&mut raw).await?;
        if count == 0 {
            return Ok(());
        }
        let mut rest = &raw[..count];
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let mut heard = vec![0; state.plaintext_bytes_to_read()];
            tls.reader().read_exact(&mut heard)?;
            tls.writer().write_all(&heard)?;
        }
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out)?;
        }
        stream.write_all(&out).await?;
    }
}

async fn send(stream: &mut TcpStream, bytes: &[u8], packs: Packs) -> io::Result<()> {
    let Packs::In { kind, most } = packs else { return stream.write_all(bytes).await };
    for part in bytes.chunks(most) {
        let len = u16::try_from(part.len() + 8).unwrap().to_be_bytes();
        stream.write_all(&[&[kind, 1, len[0], len[1], 0, 0, 0, 0], part].concat()).await?;
        // Each goes out alone, so that headers come in pieces of their own.
        stream.flush().await?;
    }
    Ok(())
}

async fn connect(target: &Destination) -> Result<TlsConnection<InPrelogin<TcpStream>>, DialError> {
    let config = tls_client_config(&target.trust)?.expect("this trust demands TLS");
    let stream = dial(target, AMPLE).await?;
    tls_connect_in_prelogin(config, &target.endpoint, stream, AMPLE).await
}

#[tokio::test]
async fn a_handshake_in_packets_of_any_size_leads_to_a_bare_connection() {
    let authority = Authority::named("theirs");
    let identity = authority.issue(&["localhost"], |_| {});
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (kind, most) in [(0x12, 4088), (0x04, 4088), (0x12, 100), (0x12, 1)] {
            let server = serve(&identity, version, Packs::In { kind, most }).await;
            let target = destination("localhost", server.port, Trust::VerifyFull { ca_pem: authority.pem() });
            let mut connection = connect(&target).await.unwrap();
            for size in [1, 5000, 100_000] {
                let sent: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
                let (mut reader, mut writer) = tokio::io::split(&mut connection.stream);
                let mut heard = vec![0; size];
                let (written, read) = tokio::join!(
                    async {
                        writer.write_all(&sent).await?;
                        writer.flush().await
                    },
                    reader.read_exact(&mut heard)
                );
                written.unwrap();
                read.unwrap();
                assert_eq!(heard, sent, "{most} {size}");
            }
        }
    }
}

/// SECURITY-CASES 61: whoever cannot prove to be the server gets nothing.
#[tokio::test]
async fn trust_is_the_same_as_everywhere() {
    let (authority, other) = (Authority::named("theirs"), Authority::named("another"));
    let identity = authority.issue(&["localhost"], |_| {});
    let packs = Packs::In { kind: 0x12, most: 4088 };
    let server = serve(&identity, &rustls::version::TLS12, packs).await;
    let of = |host: &str, trust| destination(host, server.port, trust);
    let stranger = connect(&of("localhost", Trust::VerifyFull { ca_pem: other.pem() })).await.unwrap_err();
    assert!(matches!(stranger, DialError::Certificate { .. }), "{stranger}");
    let named = connect(&of("127.0.0.1", Trust::VerifyFull { ca_pem: authority.pem() })).await.unwrap_err();
    assert!(matches!(named, DialError::Certificate { .. }), "{named}");
    connect(&of("127.0.0.1", Trust::VerifyCa { ca_pem: authority.pem() })).await.unwrap();
}

#[tokio::test]
async fn a_handshake_outside_of_packets_is_refused() {
    let authority = Authority::named("theirs");
    let identity = authority.issue(&["localhost"], |_| {});
    let server = serve(&identity, &rustls::version::TLS12, Packs::Bare).await;
    let target = destination("localhost", server.port, Trust::VerifyFull { ca_pem: authority.pem() });
    connect(&target).await.unwrap_err();
}
