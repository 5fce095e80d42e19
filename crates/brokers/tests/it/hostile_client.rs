//! Clients that break the protocol: each loses its own connection and nothing else.

use mayfly_brokers::postgres::{Outcome, Side};
use mayfly_protocol::postgres::{CancelKey, ProtocolVersion, backend::BackendKeyData, startup::CancelRequest};
use mayfly_testbed::Flavour;
use tokio::io::AsyncWriteExt;

use crate::{
    door::USER,
    gateway::{Gateway, Target},
    programs::{output, psql},
    raw::{Raw, code, rest, tcp},
};

async fn gateway() -> (Target, Gateway) {
    let (target, door) = Target::on(Flavour::Debian15);
    (target, Gateway::start(door).await)
}

/// SECURITY-CASES 76: a claimed length is not believed, and costs nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_and_malformed_first_packets_are_closed() {
    let (_target, gateway) = gateway().await;
    let packets: [&[u8]; 8] = [
        b"\xff\xff\xff\xff\0\x03\0\0",
        b"\x7f\xff\xff\xff\0\x03\0\0",
        b"\0\0\x27\x15\0\x03\0\0",
        b"\0\0\0\x00\0\x03\0\0",
        b"\0\0\0\x07\0\x03\0\0",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\0\0\x0f\0\x03\0\0user\0a\0",
    ];
    for packet in packets {
        let mut stream = tcp(&gateway).await;
        stream.write_all(packet).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer[0] == b'E', "{packet:?}: {answer:?}");
    }
    for outcome in gateway.outcomes(packets.len()).await {
        assert!(matches!(outcome, Outcome::Violation(Side::Client, _)), "{outcome:?}");
    }
    assert!(output(psql(&gateway, &["-c", "SELECT 1"])).await.status.success());
}

/// SECURITY-CASES 9 and 80: nothing but the sign-in is answered before it, and what it may be is small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_before_sign_in_are_refused() {
    let (_target, gateway) = gateway().await;
    let messages: [&[u8]; 7] = [
        b"Q\0\0\0\x0dSELECT 1\0",
        b"p\xff\xff\xff\xff",
        b"p\0\0\x40\0",
        b"p\0\0\0\x09hush\0",
        b"p\0\0\0\x10NO-SUCH\0\0\0\0\0",
        b"p\0\0\0\x18SCRAM-SHA-256\0\xff\xff\xff\xff..",
        b"\x80\0\0\0\x04",
    ];
    for message in messages {
        let mut client = Raw::connect(&gateway).await;
        client.start(ProtocolVersion::V3_0, &[("user", USER)]).await;
        assert_eq!(client.next().await.unwrap().0, b'R');
        client.stream.write_all(message).await.unwrap();
        assert_eq!(code(&client.error().await), "08P01", "{message:?}");
        assert!(client.next().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encryption_is_not_asked_for_within_tls() {
    let (_target, gateway) = gateway().await;
    let mut client = Raw::connect(&gateway).await;
    client.stream.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f").await.unwrap();
    assert!(client.next().await.is_none());
    assert_eq!(gateway.outcome().await, Outcome::Violation(Side::Client, "request for encryption within TLS"));
}

/// The client never learns the target's key; ours ends with its connection; and a wrong one cancels nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_keys_are_ours_and_wrong_ones_do_nothing() {
    let (_target, gateway) = gateway().await;
    let (mut client, greeting) = Raw::ready(&gateway).await;
    let (_, body) = greeting.iter().find(|(tag, _)| *tag == b'K').unwrap();
    let ours = BackendKeyData::decode(body, ProtocolVersion::V3_0).unwrap();
    assert_ne!([ours.process_id.to_string()], gateway.door.seen.native_ids.lock().unwrap()[..]);
    client.query("SELECT pg_sleep(1)").await;
    let mut wrong = ours.key.as_bytes().to_vec();
    wrong[3] ^= 1;
    for (process_id, key) in [(ours.process_id, wrong.clone()), (ours.process_id ^ 1, ours.key.as_bytes().to_vec())] {
        cancel(&gateway, process_id, &key).await;
    }
    cancel(&gateway, ours.process_id, &[ours.key.as_bytes(), &[0; 28]].concat()).await;
    // The query was not disturbed.
    assert_eq!(client.next().await.unwrap().0, b'T');
    drop(client);
    crate::gateway::eventually("the end of the connection", || {
        gateway.door.seen.closed.load(std::sync::atomic::Ordering::SeqCst) == 1
    })
    .await;
    cancel(&gateway, ours.process_id, ours.key.as_bytes()).await;
    let outcomes = gateway.outcomes(5).await;
    let unknown = outcomes.iter().filter(|outcome| **outcome == Outcome::Cancel { passed_on: false }).count();
    assert_eq!(unknown, 4, "{outcomes:?}");
}

async fn cancel(gateway: &Gateway, process_id: u32, key: &[u8]) {
    let mut bytes = Vec::new();
    CancelRequest { process_id, key: CancelKey::new(key).unwrap() }.encode(&mut bytes).unwrap();
    let mut stream = tcp(gateway).await;
    stream.write_all(&bytes).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
}
