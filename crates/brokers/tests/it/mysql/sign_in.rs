//! Signing in: what is refused, and that a refusal says nothing about who exists.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::{
    admission::Limits,
    mysql::{Flavour as Look, Outcome, Settings, Side, Stage},
    port::{RefusalClass, Turned},
};
use mayfly_domain::{PersonName, RecordName};
use mayfly_protocol::mysql::{Capabilities, auth::AuthPlugin, frame::Sequence, reply::ErrPacket};
use tokio::io::AsyncWriteExt;

use super::{
    gateway::{Gateway, Target, mariadb},
    programs::{client, client_as, complaint, families, output, printed},
    raw::{Raw, encrypt, packet, rest, tcp},
};
use crate::door::{OTHER, OTHERS_SECRET, SECRET, USER, refusal};

async fn gateway() -> (Target, Gateway) {
    let (target, door) = mariadb();
    (target, Gateway::start(door).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_refused_and_counted() {
    let (_target, gateway) = gateway().await;
    for (number, family) in families().into_iter().enumerate() {
        let failed = output(client_as(&gateway, family, USER, "wrong", &["-e", "SELECT 1"])).await;
        let text = complaint(failed);
        assert!(text.contains("ERROR 1045 (28000)"), "{text}");
        assert!(text.contains("sign-in failed: the connect secret is wrong or no longer valid"), "{text}");
        assert_eq!(gateway.outcomes(number + 1).await[number], Outcome::SignInFailed(Turned::Failed));
        let seen = &gateway.door.seen;
        let counted = (seen.failed.load(SeqCst), seen.proved.load(SeqCst), seen.joined.load(SeqCst));
        assert_eq!(counted, (number + 1, 0, 0));
    }
}

/// SECURITY-CASES 57 and 58: the same packets of the same length for a wrong secret, an unknown person and an unknown
/// record; also when somebody unknown comes with a secret that is right for another. For both plugins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_tell_who_exists() {
    for plugin in [AuthPlugin::CachingSha2Password, AuthPlugin::NativePassword] {
        let (_target, gateway) = gateway().await;
        let mut answers = Vec::new();
        for (user, secret) in [
            (USER, "wrong"),
            ("bobby~orders", "wrong"),
            ("alice~nosuch", SECRET),
            ("mallo~orders", SECRET),
            (OTHER, SECRET),
        ] {
            let mut client = Raw::connect(&gateway).await;
            answers.push(client.sign_in(plugin, user, secret).await);
            assert!(client.next().await.is_none());
        }
        assert_eq!(answers[0].1.as_ref().unwrap().number, 1045);
        for answer in &answers[1..] {
            assert_eq!(*answer, answers[0]);
        }
        assert_eq!((gateway.door.seen.failed.load(SeqCst), gateway.door.seen.proved.load(SeqCst)), (5, 0));
    }
}

/// The secret itself within TLS, and the proof of clients that know nothing else: also where they have to be asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_plugins_let_in_who_knows_the_secret() {
    let (_target, gateway) = gateway().await;
    for plugin in [AuthPlugin::CachingSha2Password, AuthPlugin::NativePassword] {
        for (user, secret) in [(USER, SECRET), (OTHER, OTHERS_SECRET)] {
            let mut client = Raw::connect(&gateway).await;
            assert_eq!(client.plugin, b"caching_sha2_password");
            assert_eq!(client.sign_in(plugin, user, secret).await.1, None);
            assert_eq!(client.value("SELECT DATABASE()").await, "orders");
        }
    }
    assert_eq!(*gateway.door.seen.admitted.lock().unwrap(), [USER, OTHER, USER, OTHER]);
    for family in families() {
        // MySQL 9 has no such plugin any more.
        if family == mayfly_testbed::mysql::Flavour::MariaDb {
            let args = ["--default-auth=mysql_native_password", "-e", "SELECT 1"];
            assert_eq!(printed(output(client(&gateway, family, &args)).await), "1");
        }
    }
    // A client that begins with something else is asked for what is spoken.
    let mut client = Raw::connect(&gateway).await;
    client.log_in(USER, "mysql_clear_password", b"secret\0").await;
    let asked = client.next().await.unwrap();
    assert!(asked.payload.starts_with(b"\xfecaching_sha2_password\0"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_no_failure() {
    let (_target, gateway) = gateway().await;
    for family in families() {
        let text = complaint(output(client_as(&gateway, family, USER, "", &["-e", "SELECT 1"])).await);
        assert!(text.contains("no connect secret was given"), "{text}");
    }
    // Who leaves when asked.
    let mut client = Raw::connect(&gateway).await;
    client.log_in(USER, "caching_sha2_password", &[7; 32]).await;
    assert_eq!(**client.next().await.unwrap().payload, [1, 4]);
    drop(client);
    let outcomes = gateway.outcomes(families().len() + 1).await;
    assert_eq!(outcomes.last(), Some(&Outcome::ClientLeft));
    assert_eq!(gateway.door.seen.failed.load(SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plaintext_is_refused_before_anything_secret() {
    let (_target, gateway) = gateway().await;
    let mut stream = tcp(&gateway).await;
    let greeting = packet(&mut stream).await.unwrap();
    assert_eq!(greeting.payload[0], 10);
    // A log-in without TLS, as clients send it that are not told to use it.
    let mut login =
        Capabilities::SPOKEN.without(Capabilities::SSL | Capabilities::CONNECT_WITH_DB).bits().to_le_bytes().to_vec();
    login.extend_from_slice(&[0, 0, 0, 1, 45]);
    login.extend_from_slice(&[0; 23]);
    login.extend_from_slice(b"alice~orders\0\0caching_sha2_password\0\0");
    let mut out = Vec::new();
    mayfly_protocol::mysql::frame::encode(&login, &mut Sequence::at(1), &mut out);
    stream.write_all(&out).await.unwrap();
    let answer = packet(&mut stream).await.unwrap();
    let error = ErrPacket::decode(&answer.payload).unwrap();
    assert_eq!((error.number, answer.sequence), (3159, 2));
    assert!(error.message().starts_with("TLS is required: add --ssl-mode=VERIFY_IDENTITY"), "{error:?}");
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(gateway.outcome().await, Outcome::Unsupported("no TLS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_names_that_are_none_are_explained() {
    let (_target, gateway) = gateway().await;
    for family in families() {
        for user in ["alice", "alice~", "~orders", "alice~orders~x", "a;b~c", "root"] {
            let text = complaint(output(client_as(&gateway, family, user, SECRET, &["-e", "SELECT 1"])).await);
            assert!(text.contains("connect as PERSON~RECORD"), "{user}: {text}");
        }
        // Where `~` cannot be typed; and upper case.
        for user in ["alice--orders", "ALICE~Orders"] {
            assert!(
                output(client_as(&gateway, family, user, SECRET, &["-e", "SELECT 1"])).await.status.success(),
                "{user}"
            );
        }
    }
}

/// The longest name that there can be is not cut by any client: it is refused as an unknown one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_names_arrive_whole() {
    let (_target, gateway) = gateway().await;
    let user = format!("{}~{}", "p".repeat(PersonName::MOST), "r".repeat(RecordName::MOST));
    for family in families() {
        let failed = output(client_as(&gateway, family, &user, SECRET, &["-e", "SELECT 1"])).await;
        assert!(complaint(failed).contains("sign-in failed"));
    }
    assert_eq!(gateway.door.seen.failed.load(SeqCst), families().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_turned_away_or_refused_reads_why() {
    for (turned, words) in [(Turned::Locked, "too many failed sign-ins"), (Turned::Busy, "not possible at the moment")]
    {
        let (_target, mut door) = mariadb();
        door.turned = Some(turned);
        let gateway = Gateway::start(door).await;
        let failed = output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await;
        assert!(complaint(failed).contains(words));
        assert_eq!(gateway.outcome().await, Outcome::SignInFailed(turned));
    }
    let (_target, mut door) = mariadb();
    door.refused = Some(refusal(RefusalClass::Busy, "32 launches are under way: try again in a minute"));
    let gateway = Gateway::start(door).await;
    let text = complaint(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await);
    assert!(text.contains("ERROR 1040 (08004)") && text.contains("32 launches are under way"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Refused(RefusalClass::Busy));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_greeting_says_what_every_target_has() {
    for (look, version) in [(Look::Mysql, &b"8.4.0-Mayfly"[..]), (Look::Mariadb, b"5.5.5-10.11.0-MariaDB-Mayfly")] {
        let (_target, door) = mariadb();
        let gateway = Gateway::with(door, Settings::default(), look).await;
        let mut stream = tcp(&gateway).await;
        let greeting = packet(&mut stream).await.unwrap();
        assert!(greeting.payload[1..].starts_with(version));
        drop(stream);
        assert_eq!(gateway.outcome().await, Outcome::Probe);
        let client = Raw::connect(&gateway).await;
        assert_eq!(client.offered, Capabilities::SPOKEN | Capabilities::LOCAL_FILES);
        assert!(client.id >= 1 << 30 && client.id < 1 << 31);
    }
}

/// A client of another protocol that somebody has led here is refused within TLS (ALPACA); what stands in clear behind the wish for
/// TLS is never taken for what came through it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_for_this_protocol() {
    let (_target, gateway) = gateway().await;
    for smuggled in [false, true] {
        let mut stream = tcp(&gateway).await;
        packet(&mut stream).await.unwrap();
        let mut request = (Capabilities::SPOKEN.bits()).to_le_bytes().to_vec();
        request.extend_from_slice(&[0, 0, 0, 1, 45]);
        request.extend_from_slice(&[0; 23]);
        let mut out = Vec::new();
        mayfly_protocol::mysql::frame::encode(&request, &mut Sequence::at(1), &mut out);
        if smuggled {
            out.extend_from_slice(b"\x05\0\0\x02alice");
        }
        stream.write_all(&out).await.unwrap();
        if smuggled {
            let answer = rest(&mut stream).await;
            assert!(answer.first().is_none_or(|first| *first == 0x15), "at most an alert of TLS: {answer:?}");
        } else {
            let refused = match encrypt(&gateway, stream, &[b"http/1.1"]).await {
                Err(_) => Vec::new(),
                Ok(mut stream) => rest(&mut stream).await,
            };
            assert_eq!(refused, b"");
        }
    }
    assert_eq!(gateway.outcomes(2).await, [Outcome::TlsFailed, Outcome::TlsFailed]);
}

/// SECURITY-CASES 75: those who stall are closed, and nobody waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_handshakes_are_closed_and_stop_nobody() {
    let (_target, door) = mariadb();
    let admission = Limits { per_source: 200, total: 1000 };
    let settings = Settings { admission, sign_in_time: Duration::from_secs(3), ..Settings::default() };
    let gateway = Gateway::with(door, settings, Look::Mysql).await;
    let mut stalled = Vec::new();
    for n in 0..100 {
        let mut stream = tcp(&gateway).await;
        packet(&mut stream).await.unwrap();
        if n % 2 == 0 {
            stream.write_all(b"\x20\0\0\x01\x0f").await.unwrap();
        }
        stalled.push(stream);
    }
    let mut silent = Raw::connect(&gateway).await;
    silent.log_in(USER, "caching_sha2_password", &[7; 32]).await;
    assert_eq!(**silent.next().await.unwrap().payload, [1, 4]);
    assert!(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await.status.success());
    for stream in &mut stalled {
        assert_eq!(rest(stream).await, b"");
    }
    assert_eq!(silent.error().await.message(), "the sign-in took too long");
    let outcomes = gateway.outcomes(102).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::TimedOut(Stage::SignIn)).count(), 101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_has_only_so_many_places_before_sign_in() {
    let (_target, door) = mariadb();
    let settings = Settings { admission: Limits { per_source: 5, total: 1000 }, ..Settings::default() };
    let gateway = Gateway::with(door, settings, Look::Mysql).await;
    let _signed_in = Raw::ready(&gateway).await;
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

/// SECURITY-CASES 9 and 80: nothing but the sign-in is answered before it, and what it may be is small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_before_sign_in_are_refused() {
    let (_target, gateway) = gateway().await;
    let wrong: [&[u8]; 5] =
        [b"\x09\0\0\x00\x03SELECT 1", b"\xff\xff\xff\x02", b"\x00\x50\0\x02", b"\x00\0\0\x02", b"\x05\0\0\x02hello"];
    for bytes in wrong {
        let mut client = Raw::connect(&gateway).await;
        client.stream.write_all(bytes).await.unwrap();
        let answer = client.next_unchecked().await.unwrap();
        let error = ErrPacket::decode(&answer.payload).unwrap();
        assert_eq!(error.number, if bytes.ends_with(b"hello") { 1251 } else { 1043 }, "{bytes:?}: {error:?}");
    }
    for outcome in gateway.outcomes(wrong.len()).await {
        let told = matches!(outcome, Outcome::Violation(Side::Client, _) | Outcome::Unsupported("protocol version"));
        assert!(told, "{outcome:?}");
    }
}
