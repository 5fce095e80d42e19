//! Clients that break the protocol: each loses its own connection and nothing else.

use mayfly_brokers::tds::{Outcome, Settings, Side};
use mayfly_protocol::tds::{
    Encryption, TdsVersion,
    frame::{PacketType, Packets, SMP_ID},
    login::Login,
};
use tokio::io::AsyncWriteExt;

use super::{
    gateway::{Gateway, Target},
    programs::tsql,
    raw::{Raw, login, message, packets, prelogin, rest, strict, tcp},
};
use crate::door::{SECRET, USER};

/// SECURITY-CASES 76: a claimed length is not believed, and costs nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_prelogin_is_closed_without_an_answer() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let first: [&[u8]; 8] = [
        b"\x12\x01\xff\xff\0\0\0\0",
        b"\x12\x01\0\x07\0\0\0\0",
        b"\x12\0\x10\0\0\0\0\0\0",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x12\x01\0\x0a\0\0\0\0\xff\xff",
        b"\x02\x01\0\x08\0\0\0\0",
        b"\x01\x01\0\x0a\0\0\0\0a\0",
    ];
    for packet in first {
        let mut stream = tcp(&gateway).await;
        stream.write_all(packet).await.unwrap();
        stream.shutdown().await.unwrap();
        assert!(rest(&mut stream).await.is_empty(), "{packet:?}");
    }
    for outcome in gateway.outcomes(first.len()).await {
        assert!(matches!(outcome, Outcome::Violation(Side::Client, _) | Outcome::ClientLeft), "{outcome:?}");
    }
    let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT 7\nGO\n").await;
    assert!(said.contains("\n7\n"), "{said}");
}

/// SECURITY-CASES 9: a password never goes in clear because of us, and one that does all the same is not looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_tls_is_told_so() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    for (encryption, after_prelogin) in
        [(Encryption::NotSupported, true), (Encryption::Off, true), (Encryption::On, false)]
    {
        let mut stream = tcp(&gateway).await;
        if after_prelogin {
            stream.write_all(&prelogin(encryption, false)).await.unwrap();
            let answer = message(&mut stream).await.unwrap();
            let answer = mayfly_protocol::tds::Prelogin::decode(&answer.data).unwrap();
            assert_eq!(answer.encryption, Some(Encryption::Required));
        }
        stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
        let said = String::from_utf8_lossy(&rest(&mut stream).await).replace('\0', "");
        assert!(said.contains("TLS is required"), "{said}");
    }
    assert_eq!(gateway.outcomes(3).await, vec![Outcome::Unsupported("no TLS"); 3]);
    assert_eq!(gateway.door.seen.failed.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_comes_first_has_to_have_its_name() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut nameless = strict(&gateway, &[]).await.unwrap();
    assert!(rest(&mut nameless).await.is_empty());
    assert_eq!(gateway.outcome().await, Outcome::Violation(Side::Client, "strict TLS without ALPN"));
    assert!(strict(&gateway, &[b"postgresql"]).await.is_err());
    assert_eq!(gateway.outcomes(2).await[1], Outcome::TlsFailed);
}

/// Bytes in clear behind the PRELOGIN are never taken for bytes that came through TLS (as with CVE-2021-23222).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_in_front_of_tls_is_refused() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut stream = tcp(&gateway).await;
    let smuggled = [prelogin(Encryption::On, false), login(&Login::new(TdsVersion::V7_4, USER, SECRET))].concat();
    stream.write_all(&smuggled).await.unwrap();
    rest(&mut stream).await;
    let outcome = gateway.outcome().await;
    assert!(
        matches!(outcome, Outcome::Violation(Side::Client, "data before TLS") | Outcome::Unsupported("no TLS")),
        "{outcome:?}"
    );
    let mut stream = tcp(&gateway).await;
    stream.write_all(&prelogin(Encryption::On, false)).await.unwrap();
    message(&mut stream).await.unwrap();
    stream.write_all(&packets(PacketType::Prelogin, b"no handshake at all")).await.unwrap();
    rest(&mut stream).await;
    assert_eq!(gateway.outcomes(2).await[1], Outcome::TlsFailed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_log_in_is_refused_within_tls() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut spoilt = login(&Login::new(TdsVersion::V7_4, USER, SECRET));
    spoilt[8 + 40] = 0xff;
    spoilt[8 + 41] = 0xff;
    let mut old = login(&Login::new(TdsVersion::V7_4, USER, SECRET));
    old[8 + 7] = 0x70;
    let mut large = Vec::new();
    Packets { packet_len: 32_767, ..Packets::of(PacketType::Login) }.encode(&vec![0; 70_000], &mut large);
    let messages: [&[u8]; 6] = [
        &packets(PacketType::Batch, b"\x04\0\0\0S\0"),
        &packets(PacketType::Login, b"short"),
        &packets(PacketType::Sspi, b"token"),
        &spoilt,
        &large,
        &old,
    ];
    for message in messages {
        let mut client = Raw::connect(&gateway, false).await;
        let _ = client.stream.write_all(message).await;
        let error = client.error().await;
        assert_eq!((error.number, error.class), (50_000, 20), "{}", error.text);
        assert!(!error.text.contains(SECRET));
    }
    let outcomes = gateway.outcomes(6).await;
    assert!(outcomes[..5].iter().all(|outcome| matches!(outcome, Outcome::Violation(Side::Client, _))), "{outcomes:?}");
    assert_eq!(outcomes[5], Outcome::Unsupported("protocol version"));
    assert!(target.sessions().is_empty());
}

/// Whoever is in cannot log in once more, as somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_log_in_does_not_reach_the_target() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let again = login(&Login::new(TdsVersion::V7_4, "sa", target.server.sa_password()));
    let wrap = |body: &[u8]| {
        let length = u32::try_from(16 + body.len()).unwrap().to_le_bytes();
        [&[SMP_ID, 8, 0, 0][..], &length, &[1, 0, 0, 0, 4, 0, 0, 0], body].concat()
    };
    for bytes in
        [again.clone(), wrap(&again), prelogin(Encryption::On, false), packets(PacketType::FederatedToken, b"t")]
    {
        let mut client = Raw::ready(&gateway).await;
        client.stream.write_all(&bytes).await.unwrap();
        rest(&mut client.stream).await;
    }
    assert_eq!(gateway.outcomes(4).await, vec![Outcome::Violation(Side::Client, "packet"); 4]);
    assert!(target.server.sessions().iter().all(|session| session.login != "sa"));
}

/// SECURITY-CASES 75 and 80: strangers are counted, and others still get in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_counted() {
    let (_target, door) = Target::start();
    let limits = mayfly_brokers::admission::Limits { per_source: 3, total: 10 };
    let gateway = Gateway::with(door, Settings { admission: limits, ..Settings::default() }).await;
    let mut inside = Raw::ready(&gateway).await;
    let mut strangers = Vec::new();
    for _ in 0..3 {
        let mut stranger = tcp(&gateway).await;
        stranger.write_all(b"\x12").await.unwrap();
        strangers.push(stranger);
    }
    crate::gateway::eventually("all of them to be counted", || {
        gateway.context.admission().admit("127.0.0.1".parse().unwrap()).is_err()
    })
    .await;
    let mut fourth = tcp(&gateway).await;
    assert!(rest(&mut fourth).await.is_empty());
    assert_eq!(inside.rows("SELECT 1").await, ["[Int(1)]"]);
    drop(strangers);
    crate::gateway::eventually("room for others", || {
        gateway.context.admission().admit("127.0.0.1".parse().unwrap()).is_ok()
    })
    .await;
    Raw::ready(&gateway).await;
}
