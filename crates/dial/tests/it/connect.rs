//! Reaching an address, or not.

use crate::certificates::{answer, serve_plain};
use crate::{AMPLE, destination, dial};
use mayfly_dial::DialError;
use mayfly_domain::{FailureClass, Trust};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test]
async fn names_and_addresses_are_reached_and_options_are_set() {
    for host in ["127.0.0.1", "localhost"] {
        let server = serve_plain(b"hello").await;
        let mut stream = dial(&destination(host, server.port, Trust::Plaintext), AMPLE).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(rustix::net::sockopt::socket_keepalive(&stream).unwrap());
        stream.write_all(b"x").await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"hello");
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = dial(&destination("127.0.0.1", port, Trust::Plaintext), AMPLE).await.unwrap_err();
    assert!(matches!(error, DialError::Connect { .. }), "{error:?}");
    assert_eq!(error.class(), FailureClass::Unreachable);
    assert!(
        error.person_text().starts_with(&format!("nothing listens at 127.0.0.1:{port}")),
        "{}",
        error.person_text()
    );
}

#[tokio::test]
async fn a_name_without_address_is_unreachable() {
    // RFC 6761 §6.4: names below `invalid` never resolve.
    let error = dial(&destination("db.invalid", 1, Trust::Plaintext), AMPLE).await.unwrap_err();
    assert!(matches!(error, DialError::Resolve { .. } | DialError::TimedOut { .. }), "{error:?}");
    assert_eq!(error.class(), FailureClass::Unreachable);
}

/// A listener whose queue is full swallows connections as a firewall does that drops packets.
#[tokio::test]
async fn a_black_hole_ends_at_the_limit() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let hole = destination("127.0.0.1", listener.local_addr().unwrap().port(), Trust::Plaintext);
    let mut queued = Vec::new();
    let error = loop {
        match dial(&hole, Duration::from_millis(200)).await {
            Ok(stream) => queued.push(stream),
            Err(error) => break error,
        }
        assert!(queued.len() < 1000, "the queue never fills");
    };
    assert!(matches!(error, DialError::TimedOut { .. }), "{error:?}");
    assert_eq!(error.class(), FailureClass::Unreachable);
    assert!(error.person_text().contains("did not answer within 0.2 s"), "{}", error.person_text());
}

#[tokio::test]
async fn a_server_that_never_answers_the_handshake_ends_at_the_limit() {
    let server = answer(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let authority = crate::certificates::Authority::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let trust = Trust::VerifyFull { ca_pem: authority.pem() };
    let error =
        crate::secure(&destination("127.0.0.1", server.port, trust), Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, DialError::TimedOut { .. }), "{error:?}");
}
