//! Signing in: what is refused, and that a refusal says nothing about who exists.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::{
    admission::Limits,
    port::{RefusalClass, Turned},
    postgres::{Outcome, Settings, Side, Stage},
};
use mayfly_protocol::postgres::{
    ProtocolVersion,
    backend::{ErrorFields, NegotiateProtocolVersion},
    startup::{ALPN, encode_gssenc_request, encode_ssl_request},
};
use mayfly_testbed::Flavour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    door::{SECRET, USER, refusal},
    gateway::{Gateway, Target},
    programs::{complaint, output, psql},
    raw::{Raw, code, encrypt, rest, tcp},
};

async fn gateway() -> (Target, Gateway) {
    let (target, door) = Target::on(Flavour::Debian15);
    (target, Gateway::start(door).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_refused_and_counted() {
    let (_target, gateway) = gateway().await;
    let mut command = psql(&gateway, &["-c", "SELECT 1"]);
    command.env("PGPASSWORD", "wrong");
    let text = complaint(output(command).await);
    assert!(text.contains("FATAL:  sign-in failed: the connect secret is wrong or no longer valid"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::SignInFailed(Turned::Failed));
    let seen = &gateway.door.seen;
    assert_eq!((seen.failed.load(SeqCst), seen.proved.load(SeqCst), seen.joined.load(SeqCst)), (1, 0, 0));
}

/// SECURITY-CASES 57 and 58: the same messages of the same length for a wrong secret, an unknown person and an unknown
/// record; also when somebody unknown comes with a secret that is right for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_tell_who_exists() {
    let (_target, gateway) = gateway().await;
    let mut answers = Vec::new();
    for (user, secret) in
        [(USER, "wrong"), ("bobby~orders", "wrong"), ("alice~nosuch", SECRET), ("mallo~orders", SECRET)]
    {
        let mut client = Raw::connect(&gateway).await;
        client.start(ProtocolVersion::V3_0, &[("user", user)]).await;
        answers.push(client.sign_in(secret).await);
        assert!(client.next().await.is_none());
    }
    assert_eq!(code(answers[0].1.as_ref().unwrap()), "28P01");
    for answer in &answers[1..] {
        assert_eq!(*answer, answers[0]);
    }
    assert_eq!(gateway.door.seen.failed.load(SeqCst), 4);
    assert_eq!(gateway.door.seen.proved.load(SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_before_the_proof_is_no_failure() {
    let (_target, gateway) = gateway().await;
    let mut command = psql(&gateway, &["-w", "-c", "SELECT 1"]);
    command.env_remove("PGPASSWORD");
    assert!(complaint(output(command).await).contains("no password supplied"));
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!(gateway.door.seen.failed.load(SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plaintext_is_refused_before_anything_secret() {
    let (_target, gateway) = gateway().await;
    let mut command = psql(&gateway, &["-c", "SELECT 1"]);
    command.env("PGSSLMODE", "disable").env_remove("PGCHANNELBINDING");
    let text = complaint(output(command).await);
    assert!(text.contains("FATAL:  TLS is required: add sslmode=verify-full"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Unsupported("no TLS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_names_that_are_none_are_explained() {
    let (_target, gateway) = gateway().await;
    for user in ["alice", "alice~", "~orders", "alice~orders~x", "a;b~c", "postgres"] {
        let mut command = psql(&gateway, &["-c", "SELECT 1"]);
        command.env("PGUSER", user);
        let text = complaint(output(command).await);
        assert!(text.contains("FATAL:  ") && text.contains("HINT:  Connect as PERSON~RECORD"), "{user}: {text}");
    }
    // Where `~` cannot be typed; and upper case.
    for user in ["alice--orders", "ALICE~Orders"] {
        let mut command = psql(&gateway, &["-c", "SELECT 1"]);
        command.env("PGUSER", user);
        assert!(output(command).await.status.success(), "{user}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replication_is_refused() {
    let (_target, gateway) = gateway().await;
    for kind in ["true", "database", "on", "1"] {
        let mut client = Raw::connect(&gateway).await;
        client.start(ProtocolVersion::V3_0, &[("user", USER), ("replication", kind)]).await;
        assert_eq!(code(&client.error().await), "0A000", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_turned_away_or_refused_reads_why() {
    for (turned, words) in [(Turned::Locked, "too many failed sign-ins"), (Turned::Busy, "not possible at the moment")]
    {
        let (_target, mut door) = Target::on(Flavour::Debian15);
        door.turned = Some(turned);
        let gateway = Gateway::start(door).await;
        let text = complaint(output(psql(&gateway, &["-c", "SELECT 1"])).await);
        assert!(text.contains(words), "{text}");
        assert_eq!(gateway.outcome().await, Outcome::SignInFailed(turned));
    }
    let (_target, mut door) = Target::on(Flavour::Debian15);
    door.refused = Some(refusal(RefusalClass::Busy, "32 launches are under way: try again in a minute"));
    let gateway = Gateway::start(door).await;
    let text = complaint(output(psql(&gateway, &["-c", "SELECT 1"])).await);
    assert!(text.contains("FATAL:  32 launches are under way: try again in a minute"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Refused(RefusalClass::Busy));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_versions_and_unknown_options_are_negotiated() {
    let (_target, gateway) = gateway().await;
    let mut client = Raw::connect(&gateway).await;
    let newer = ProtocolVersion { major: 3, minor: 9999 };
    client.start(newer, &[("user", USER), ("_pq_.a", "1"), ("_pq_.b", "2")]).await;
    let (tag, body) = client.next().await.unwrap();
    assert_eq!(tag, b'v');
    let answer = NegotiateProtocolVersion::decode(&body).unwrap();
    assert_eq!(answer.version, ProtocolVersion::V3_2);
    assert_eq!(answer.unknown_options, [&b"_pq_.a"[..], b"_pq_.b"]);
    assert_eq!(client.sign_in(SECRET).await.1, None);
    while client.next().await.unwrap().0 != b'Z' {}
    // A version that is spoken, without options, is not negotiated: the next message is the offer.
    let mut client = Raw::connect(&gateway).await;
    client.start(ProtocolVersion::V3_2, &[("user", USER)]).await;
    assert_eq!(client.sign_in(SECRET).await.1, None);
    // Other major versions do not exist.
    let mut stream = tcp(&gateway).await;
    stream.write_all(b"\0\0\0\x09\0\x02\0\0\0").await.unwrap();
    let answer = rest(&mut stream).await;
    assert_eq!(code(&ErrorFields::decode(&answer[5..]).unwrap()), "0A000");
}

/// CVE-2021-23222: what stands behind the request for encryption in clear was put there by somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_in_front_of_tls_are_refused() {
    let (_target, gateway) = gateway().await;
    let mut stream = tcp(&gateway).await;
    let mut bytes = Vec::new();
    encode_ssl_request(&mut bytes);
    bytes.extend_from_slice(b"\0\0\0\x29\0\x03\0\0user\0");
    stream.write_all(&bytes).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(gateway.outcome().await, Outcome::Violation(Side::Client, "data before TLS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gss_is_declined_and_tls_may_follow_or_begin_at_once() {
    let (_target, gateway) = gateway().await;
    let mut stream = tcp(&gateway).await;
    let mut request = Vec::new();
    encode_gssenc_request(&mut request);
    stream.write_all(&request).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'N');
    request.clear();
    encode_ssl_request(&mut request);
    stream.write_all(&request).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
    drop(stream);

    let stream = encrypt(&gateway, tcp(&gateway).await, &[ALPN]).await.unwrap();
    let mut client = Raw { stream };
    client.start(ProtocolVersion::V3_0, &[("user", USER)]).await;
    assert_eq!(client.sign_in(SECRET).await.1, None);
    // Without the protocol's name, or with another's, it may be somebody else's stream (ALPACA).
    let mut stream = encrypt(&gateway, tcp(&gateway).await, &[]).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
    let refused = match encrypt(&gateway, tcp(&gateway).await, &[b"http/1.1"]).await {
        Err(_) => Vec::new(),
        Ok(mut stream) => rest(&mut stream).await,
    };
    assert_eq!(refused, b"");
}

/// SECURITY-CASES 75: those who stall are closed, and nobody waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_handshakes_are_closed_and_stop_nobody() {
    let (_target, door) = Target::on(Flavour::Debian15);
    let admission = Limits { per_source: 200, total: 1000 };
    let settings = Settings { admission, sign_in_time: Duration::from_secs(3), ..Settings::default() };
    let gateway = Gateway::with(door, settings).await;
    let mut stalled = Vec::new();
    for n in 0..150 {
        let mut stream = tcp(&gateway).await;
        let mut request = Vec::new();
        encode_ssl_request(&mut request);
        // Nothing, half a request, or a request and half a TLS record.
        match n % 3 {
            0 => {}
            1 => stream.write_all(&request[..5]).await.unwrap(),
            _ => {
                stream.write_all(&request).await.unwrap();
                assert_eq!(stream.read_u8().await.unwrap(), b'S');
                stream.write_all(b"\x16\x03\x01\x02\0\x01").await.unwrap();
            }
        }
        stalled.push(stream);
    }
    let mut silent = Raw::connect(&gateway).await;
    silent.start(ProtocolVersion::V3_0, &[("user", USER)]).await;
    assert!(output(psql(&gateway, &["-c", "SELECT 1"])).await.status.success());
    for stream in &mut stalled {
        assert_eq!(rest(stream).await, b"");
    }
    assert_eq!(silent.next().await.unwrap().0, b'R');
    assert_eq!(code(&silent.error().await), "57014");
    let outcomes = gateway.outcomes(152).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::TimedOut(Stage::SignIn)).count(), 151);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_has_only_so_many_places_before_sign_in() {
    let (_target, door) = Target::on(Flavour::Debian15);
    let settings = Settings { admission: Limits { per_source: 5, total: 1000 }, ..Settings::default() };
    let gateway = Gateway::with(door, settings).await;
    let (_signed_in, _) = Raw::ready(&gateway).await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(Raw::connect(&gateway).await);
    }
    assert_eq!(rest(&mut tcp(&gateway).await).await, b"");
    waiting.pop();
    crate::gateway::eventually("a place to become free", || {
        gateway.context.admission().admit([127, 0, 0, 1].into()).is_ok()
    })
    .await;
    Raw::ready(&gateway).await;
}
