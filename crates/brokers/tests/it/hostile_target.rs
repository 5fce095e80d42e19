//! Targets that break the protocol, ask for what must not be given, or never end (SECURITY-CASES 76, 77 and 82): the
//! client reads what is wrong in our words, and the broker serves the next one.

use std::time::Duration;

use mayfly_brokers::postgres::{Outcome, Settings, Side, Stage};
use mayfly_dial::Credential;
use mayfly_domain::{Destination, Endpoint, Secret, Trust};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    door::TestDoor,
    gateway::{Gateway, in_an_hour, server_tls},
    programs::{complaint, output, psql},
};

/// A door to something that listens on this port.
fn door(port: u16, trust: Trust) -> TestDoor {
    let endpoint = Endpoint { host: "localhost".to_owned(), port };
    let credential =
        Credential { login: "keeper_0123456789abc".to_owned(), secret: Secret::new("target-secret".to_owned()) };
    TestDoor::new(Destination { endpoint, trust }, credential, in_an_hour())
}

/// A target that reads a start-up packet and then says these things, reading something between one and the next. Returns
/// its port and what it will have read.
async fn target(lines: Vec<Vec<u8>>) -> (u16, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        for line in lines {
            hear(&mut stream, &mut heard).await;
            if stream.write_all(&line).await.is_err() {
                break;
            }
        }
        while hear(&mut stream, &mut heard).await > 0 {}
        heard
    });
    (port, task)
}

async fn hear(stream: &mut TcpStream, heard: &mut Vec<u8>) -> usize {
    let mut piece = [0; 4096];
    let read = stream.read(&mut piece).await.unwrap_or(0);
    heard.extend_from_slice(&piece[..read]);
    read
}

/// What psql says and how the connection ended, at a target in clear that says these things. Whatever it was, the secret
/// was not sent.
async fn told(lines: Vec<Vec<u8>>) -> (String, Outcome) {
    let (port, task) = target(lines).await;
    let settings = Settings { target_time: Duration::from_secs(2), ..Settings::default() };
    let gateway = Gateway::with(door(port, Trust::Plaintext), settings).await;
    let text = complaint(output(psql(&gateway, &["-c", "SELECT 1"])).await);
    let outcome = gateway.outcome().await;
    let heard = String::from_utf8_lossy(&task.await.unwrap()).into_owned();
    assert!(!heard.contains("target-secret"), "{heard}");
    assert!(!text.contains("target-secret"));
    (text, outcome)
}

fn authentication(code: u8, rest: &[u8]) -> Vec<u8> {
    let length = u8::try_from(rest.len() + 8).unwrap();
    [&[b'R', 0, 0, 0, length, 0, 0, 0, code][..], rest].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_that_give_a_password_away_are_refused_by_name() {
    for (message, name) in [
        (authentication(3, b""), "cleartext password"),
        (authentication(5, b"salt"), "MD5 password"),
        (authentication(7, b""), "GSSAPI"),
        (authentication(0, b""), "no password at all (trust)"),
        (authentication(10, b"PLAIN\0\0"), "SASL without SCRAM-SHA-256"),
    ] {
        let (text, outcome) = told(vec![message]).await;
        assert!(text.contains(name), "{text}");
        assert_eq!(outcome, Outcome::TargetRefused("authentication method".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_the_protocol_ends_the_session() {
    let offer = authentication(10, b"SCRAM-SHA-256\0\0");
    let violations: Vec<Vec<Vec<u8>>> = vec![
        vec![b"R\xff\xff\xff\xff".to_vec()],
        vec![b"R\0\0\0\x03".to_vec()],
        vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()],
        vec![b"Z\0\0\0\x05I".to_vec()],
        vec![b"v\0\0\0\x0c\0\x03\0\x09\0\0\0\0".to_vec()],
        vec![b"v\0\0\0\x0c\0\x03\0\0\xff\xff\xff\xff".to_vec()],
        vec![authentication(99, b"")],
        vec![authentication(11, b"r=x,s=eA==,i=1")],
        vec![offer.clone(), authentication(11, b"r=other,s=eA==,i=1")],
        vec![offer.clone(), authentication(12, b"v=eA==")],
        vec![offer, authentication(0, b"")],
        vec![b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0".repeat(100)],
    ];
    for lines in violations {
        let shown = format!("{lines:?}");
        let (text, outcome) = told(lines).await;
        // Trust in the middle of SCRAM is refused by name, everything else in one sentence.
        let known = ["does not behave as a PostgreSQL server does", "no password at all"];
        assert!(known.iter().any(|words| text.contains(words)), "{shown}: {text}");
        assert!(
            matches!(outcome, Outcome::Violation(Side::Target, _) | Outcome::TargetRefused(_)),
            "{shown}: {outcome:?}"
        );
    }
}

/// RUSTSEC-2026-0179: billions of iterations are refused before the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_iterations_are_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        hear(&mut stream, &mut heard).await;
        stream.write_all(&authentication(10, b"SCRAM-SHA-256\0\0")).await.unwrap();
        heard.clear();
        hear(&mut stream, &mut heard).await;
        let text = String::from_utf8_lossy(&heard).into_owned();
        let nonce = text.rsplit("r=").next().unwrap();
        let first = format!("r={nonce}server,s=eHh4eHh4eHh4eHh4eHh4eA==,i=2147483647");
        stream.write_all(&authentication(11, first.as_bytes())).await.unwrap();
        while hear(&mut stream, &mut heard).await > 0 {}
    });
    let gateway = Gateway::start(door(port, Trust::Plaintext)).await;
    complaint(output(psql(&gateway, &["-c", "SELECT 1"])).await);
    assert_eq!(gateway.outcome().await, Outcome::Violation(Side::Target, "SCRAM iteration count"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_says_nothing_is_left_in_time() {
    let (text, outcome) = told(vec![]).await;
    assert!(text.contains("the target did not answer in time"), "{text}");
    assert_eq!(outcome, Outcome::TimedOut(Stage::Target));
}

/// No silent plaintext, no unverified certificate, no error text of somebody who has not proved who they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_not_talked_away() {
    let (ca_pem, _, _) = server_tls();
    let trust = Trust::VerifyFull { ca_pem };
    for (answer, words) in [
        (&b"N"[..], "the target does not offer TLS"),
        (b"E\0\0\0\x1fSFATAL\0C28000\0Mcall 0800-EVIL\0\0", "does not behave as a PostgreSQL server does"),
        (b"G", "does not behave as a PostgreSQL server does"),
        (b"SR\0\0\0\x08\0\0\0\0", "does not speak TLS"),
        (b"", "closed the connection when asked for TLS"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            hear(&mut stream, &mut heard).await;
            stream.write_all(answer).await.unwrap();
            if !answer.is_empty() {
                while hear(&mut stream, &mut heard).await > 0 {}
            }
        });
        let gateway = Gateway::start(door(port, trust.clone())).await;
        let text = complaint(output(psql(&gateway, &["-c", "SELECT 1"])).await);
        assert!(text.contains(words), "{answer:?}: {text}");
        assert!(!text.contains("EVIL"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_at_the_address_gets_nothing() {
    let (target, mut door) = crate::gateway::Target::on(mayfly_testbed::Flavour::Debian15);
    let (ca_pem, _, _) = server_tls();
    door.destination.trust = Trust::VerifyFull { ca_pem };
    let gateway = Gateway::start(door).await;
    let text = complaint(output(psql(&gateway, &["-c", "SELECT 1"])).await);
    assert!(text.contains("was not issued by an authority that this record trusts"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Unreachable);
    assert!(!target.server.log().unwrap().contains(&format!("user={}", target.role)));
}

/// What dialling found out is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let gateway = Gateway::start(door(port, Trust::Plaintext)).await;
    let text = complaint(output(psql(&gateway, &["-c", "SELECT 1"])).await);
    assert!(text.contains("nothing listens at localhost"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Unreachable);
}
