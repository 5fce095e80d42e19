//! Clients that break the protocol, or try to come in by it: each loses its own connection and nothing else.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::{
    admission::Limits,
    ssh::{Outcome, Settings, Stage},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    door::{OTHER, OTHERS_SECRET, SECRET, USER},
    gateway::{DEADLINE, eventually},
    programs::output,
};

use super::{
    gateway::{Account, Gateway},
    raw::{
        Message, Raw, channel_request, fingerprint, key, key_request, number, open_request, password_request, string,
        user_request,
    },
};

async fn gateway() -> (Account, Gateway) {
    let (account, mut door) = Account::made();
    door.keys = vec![fingerprint(&key(1))];
    (account, Gateway::start(door).await)
}

/// Everybody else still gets in.
async fn works(gateway: &Gateway) {
    let done = output(gateway.ssh(&[], &["echo well"])).await;
    assert_eq!(String::from_utf8_lossy(&done.stdout), "well\n", "{done:?}");
}

/// SECURITY-CASES 63 and 78: the order of the exchange is strict, and nothing old or compressed is offered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_modern_algorithms_are_offered() {
    let (_account, gateway) = gateway().await;
    let raw = Raw::exchanged(&gateway).await;
    assert_eq!(raw.server_id, "SSH-2.0-Mayfly");
    let mut rest = &raw.server_kexinit[17..];
    let mut lists = Vec::new();
    for _ in 0..8 {
        let (list, behind) = string(rest);
        lists.push(String::from_utf8(list.to_vec()).unwrap());
        rest = behind;
    }
    let ciphers = "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com";
    let macs = "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com";
    assert!(lists[0].contains("kex-strict-s-v00@openssh.com"), "{}", lists[0]);
    assert!(lists[0].starts_with("mlkem768x25519-sha256,curve25519-sha256,"), "{}", lists[0]);
    assert!(!lists[0].contains("sha1") && !lists[0].contains("diffie"), "{}", lists[0]);
    assert_eq!(lists[1..], ["ssh-ed25519", ciphers, ciphers, macs, macs, "none", "none"]);
}

/// SECURITY-CASES 63: nothing is put in front of or into the first exchange.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_may_stand_in_the_first_exchange() {
    let (_account, gateway) = gateway().await;
    let ignored = Message::new(number::IGNORE).string("x");
    let mut raw = Raw::connect(&gateway).await;
    raw.send(&Raw::kexinit()).await;
    raw.send(&ignored).await;
    raw.rest().await;
    assert!(matches!(gateway.outcome().await, Outcome::Violation(_)), "{:?}", gateway.outcome().await);
    // New keys are another matter: the counters begin anew there as well, and the connection goes on.
    let mut raw = Raw::serviced(&gateway).await;
    raw.send(&password_request(USER, SECRET)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_SUCCESS);
    assert!(raw.exchange().await);
    assert!(raw.open("session", b"").await.is_some());
}

/// SECURITY-CASES 2, 3: an offer is no proof, whatever the answer to it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offering_a_key_does_not_sign_in() {
    let (_account, gateway) = gateway().await;
    let mut raw = Raw::serviced(&gateway).await;
    raw.send(&key_request(USER, &key(1), false)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_PK_OK);
    raw.send(&open_request("session", b"")).await;
    raw.send(&key_request(USER, &key(2), false)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_FAILURE, "the channel was not even answered");
    assert_eq!(gateway.door.seen.proved.load(SeqCst), 0);
    // With the signature it is one.
    let signed = raw.signed_request(USER, &key(1), &key(1));
    raw.send(&signed).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_SUCCESS);
    assert!(raw.open("session", b"").await.is_some());
    assert_eq!(*gateway.door.seen.admitted.lock().unwrap(), [USER]);
}

/// SECURITY-CASES 4 and 5: who is accepted is the key that signed, never one that was offered before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_cannot_be_borrowed() {
    let (_account, gateway) = gateway().await;
    let mut raw = Raw::serviced(&gateway).await;
    raw.send(&key_request(USER, &key(1), false)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_PK_OK);
    // Signed with our own, in the name of the one that was accepted; then our own, openly; then in another's name.
    for (user, named, signer) in [(USER, 1, 2), (USER, 2, 2), (OTHER, 1, 1)] {
        let request = raw.signed_request(user, &key(named), &key(signer));
        raw.send(&request).await;
        assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_FAILURE, "{user} {named} {signer}");
    }
    // A signature for another connection is none for this one.
    let other = Raw::serviced(&gateway).await;
    let stolen = other.signed_request(USER, &key(1), &key(1));
    raw.send(&stolen).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_FAILURE);
    assert_eq!(gateway.door.seen.proved.load(SeqCst), 0);
}

/// SECURITY-CASES 6 and 7: nothing of an attempt in one name counts in another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_in_several_names_are_not_mixed() {
    let (_account, gateway) = gateway().await;
    let mut raw = Raw::serviced(&gateway).await;
    // A dialogue begun in one name is not answered in another.
    raw.send(&user_request(OTHER, "keyboard-interactive").string("").string("")).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_INFO_REQUEST);
    raw.send(&password_request(OTHER, "wrong")).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_FAILURE);
    raw.send(&Message::new(number::USERAUTH_INFO_RESPONSE).u32(1).string(OTHERS_SECRET)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_FAILURE, "the dialogue was over");
    // Another's secret is no secret.
    raw.send(&user_request(USER, "keyboard-interactive").string("").string("")).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_INFO_REQUEST);
    raw.send(&Message::new(number::USERAUTH_INFO_RESPONSE).u32(1).string(OTHERS_SECRET)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_FAILURE);
    // A key that was welcome in one name and a secret of another: who comes in is whose secret it was.
    raw.send(&key_request(USER, &key(1), false)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_PK_OK);
    raw.send(&password_request(OTHER, OTHERS_SECRET)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_SUCCESS);
    // And who has come in stays that: a second sign-in is not answered.
    raw.send(&password_request(USER, SECRET)).await;
    assert!(raw.open("session", b"").await.is_some());
    assert_eq!(*gateway.door.seen.admitted.lock().unwrap(), [OTHER]);
}

/// SECURITY-CASES 9: no message opens anything before sign-in, in whatever state it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_opened_before_sign_in() {
    let (_account, gateway) = gateway().await;
    let messages = [
        Message::new(number::USERAUTH_SUCCESS),
        Message::new(number::SERVICE_ACCEPT).string("ssh-userauth"),
        Message::new(number::SERVICE_REQUEST).string("ssh-connection"),
        Message::new(number::GLOBAL_REQUEST).string("tcpip-forward").byte(1).string("").u32(0),
        open_request("session", b""),
        channel_request(0, "shell", true),
        channel_request(0, "exec", true).string("true"),
        Message::new(number::CHANNEL_DATA).u32(0).string("id\n"),
        Message::new(number::CHANNEL_OPEN_CONFIRMATION).u32(0).u32(0).u32(1).u32(1),
        Message::new(number::CHANNEL_EXTENDED_DATA).u32(0).u32(1).string("x"),
        Message::new(number::USERAUTH_INFO_RESPONSE).u32(0),
        user_request(USER, "none"),
        Message::new(255),
    ];
    for (serviced, message) in
        [false, true].into_iter().flat_map(|serviced| messages.iter().map(move |m| (serviced, m)))
    {
        let mut raw = if serviced { Raw::serviced(&gateway).await } else { Raw::exchanged(&gateway).await };
        raw.send(message).await;
        raw.send(&open_request("session", b"")).await;
        raw.send(&channel_request(0, "exec", true).string("true")).await;
        raw.stream.shutdown().await.unwrap();
        let answers = raw.rest().await;
        let harmless = [number::USERAUTH_FAILURE, number::DISCONNECT, number::UNIMPLEMENTED];
        assert!(answers.iter().all(|answer| harmless.contains(answer)), "{:?}: {answers:?}", message.0);
    }
    let seen = &gateway.door.seen;
    assert_eq!((seen.proved.load(SeqCst), seen.joined.load(SeqCst)), (0, 0));
    works(&gateway).await;
}

/// SECURITY-CASES 58: what is wrong cannot be told from the answers; a name that is none is refused like one that nobody has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_tell_who_exists() {
    let (_account, gateway) = gateway().await;
    let mut answers = Vec::new();
    for user in [USER, "bobby~orders", "alice~nosuch", "root", "", "a;b~c", "alice~orders\0"] {
        let mut raw = Raw::serviced(&gateway).await;
        let mut seen = Vec::new();
        for request in [
            user_request(user, "none"),
            password_request(user, "wrong"),
            user_request(user, "keyboard-interactive").string("").string(""),
            Message::new(number::USERAUTH_INFO_RESPONSE).u32(1).string("wrong"),
            key_request(user, &key(2), false),
            raw.signed_request(user, &key(2), &key(2)),
        ] {
            raw.send(&request).await;
            seen.push(raw.next().await.unwrap());
        }
        // The seventh rejection was the last.
        for _ in 0..3 {
            raw.send(&password_request(user, "wrong")).await;
            seen.push(raw.next().await.unwrap());
        }
        answers.push(seen);
    }
    assert_eq!(answers[0].last().unwrap()[0], number::DISCONNECT);
    assert_eq!(answers[0][0][0], number::USERAUTH_FAILURE);
    for answer in &answers[1..] {
        assert_eq!(*answer, answers[0]);
    }
    let seen = &gateway.door.seen;
    // Counted where there is a name at all: three passwords and a dialogue for each of three.
    assert_eq!((seen.proved.load(SeqCst), seen.failed.load(SeqCst)), (0, 12));
}

/// SECURITY-CASES 76 and 80: a length is not believed, and what may be sent before sign-in is little.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_packets_and_floods_are_closed() {
    let (_account, gateway) = gateway().await;
    let beginnings: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-1.5-old\r\n",
        b"SSH-2.0-x\r\n\xff\xff\xff\xff\0\0\0\0",
        b"SSH-2.0-x\r\n\x7f\xff\xff\xff\0\0\0\0",
        b"SSH-2.0-x\r\n\0\0\0\0\0\0\0\0",
        b"SSH-2.0-x\r\n\0\0\0\x0c\xff\x14\0\0\0\0\0\0\0\0\0\0",
    ];
    for bytes in beginnings {
        let mut raw = Raw::connect(&gateway).await;
        raw.stream.write_all(bytes).await.unwrap();
        raw.rest().await;
    }
    let mut long = tokio::net::TcpStream::connect((gateway.address, gateway.port)).await.unwrap();
    let _ = long.write_all(&[b'x'; 4096]).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(DEADLINE, long.read_to_end(&mut answer)).await.expect("it is closed");
    // Messages that are allowed and mean nothing, without end.
    let mut raw = Raw::serviced(&gateway).await;
    let nothing = Message::new(number::IGNORE).string([0; 1000]);
    for _ in 0..100 {
        raw.send(&nothing).await;
    }
    raw.rest().await;
    let outcomes = gateway.outcomes(beginnings.len() + 2).await;
    assert!(outcomes.contains(&Outcome::Violation("too much before sign-in")), "{outcomes:?}");
    works(&gateway).await;
}

/// SECURITY-CASES 77 and 79: counts are not believed, windows do not overflow, and what is malformed ends one connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_and_windows_do_no_harm() {
    let (_account, gateway) = gateway().await;
    let mut raw = Raw::serviced(&gateway).await;
    raw.send(&user_request(USER, "keyboard-interactive").string("").string("")).await;
    assert_eq!(raw.next().await.unwrap()[0], number::USERAUTH_INFO_REQUEST);
    raw.send(&Message::new(number::USERAUTH_INFO_RESPONSE).u32(u32::MAX)).await;
    raw.send(&password_request(USER, SECRET)).await;
    assert!(raw.next().await.is_none_or(|answer| answer[0] == number::USERAUTH_FAILURE));
    drop(raw);

    let mut raw = Raw::signed_in(&gateway, USER, SECRET).await;
    let channel = raw.open("session", b"").await.unwrap();
    for _ in 0..3 {
        raw.send(&Message::new(number::CHANNEL_WINDOW_ADJUST).u32(channel).u32(u32::MAX)).await;
    }
    raw.send(&channel_request(channel, "exec", true).string("echo still here")).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&number::CHANNEL_CLOSE) {
        let message = raw.next().await.unwrap();
        if message[0] == number::CHANNEL_DATA {
            assert_eq!(string(&message[5..]).0, b"still here\n");
        }
        seen.push(message[0]);
    }
    assert!(seen.contains(&number::CHANNEL_SUCCESS) && seen.contains(&number::CHANNEL_DATA), "{seen:?}");

    for broken in [
        Message::new(number::CHANNEL_DATA).u32(channel).u32(u32::MAX),
        Message::new(number::CHANNEL_REQUEST).u32(channel).u32(u32::MAX),
        Message::new(number::CHANNEL_OPEN).u32(u32::MAX),
        Message::new(number::USERAUTH_REQUEST),
        Message::new(number::CHANNEL_CLOSE).u32(u32::MAX),
        Message::new(number::CHANNEL_OPEN_CONFIRMATION).u32(99).u32(0).u32(0).u32(0),
        Message::new(number::CHANNEL_EOF).u32(77),
        Message::new(200),
    ] {
        let mut raw = Raw::signed_in(&gateway, USER, SECRET).await;
        raw.send(&broken).await;
        raw.stream.shutdown().await.unwrap();
        raw.rest().await;
    }
    works(&gateway).await;
}

/// What the record cannot allow is refused, and more channels than anybody needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_never_allowed_is_refused() {
    let (_account, gateway) = gateway().await;
    let mut raw = Raw::signed_in(&gateway, USER, SECRET).await;
    let channel = raw.open("session", b"").await.unwrap();
    let x11 = channel_request(channel, "x11-req", true).byte(0).string("MIT-MAGIC-COOKIE-1").string("00").u32(0);
    for request in [
        x11,
        channel_request(channel, "auth-agent-req@openssh.com", true),
        channel_request(channel, "subsystem", true).string("netconf"),
        channel_request(channel, "env", true).string("LD_PRELOAD").string("/tmp/x.so"),
        channel_request(channel, "no-such-request", true),
    ] {
        raw.send(&request).await;
        assert_eq!(raw.next().await.unwrap()[0], number::CHANNEL_FAILURE, "{:?}", request.0);
    }
    for global in [
        Message::new(number::GLOBAL_REQUEST).string("tcpip-forward").byte(1).string("localhost").u32(0),
        Message::new(number::GLOBAL_REQUEST).string("streamlocal-forward@openssh.com").byte(1).string("/tmp/x"),
        Message::new(number::GLOBAL_REQUEST).string("keepalive@openssh.com").byte(1),
    ] {
        raw.send(&global).await;
        assert_eq!(raw.next().await.unwrap()[0], number::REQUEST_FAILURE, "{:?}", global.0);
    }
    let to_port = Message::default().string("127.0.0.1").u32(22).string("127.0.0.1").u32(1).0;
    let to_socket = Message::default().string("/run/x.sock").string("").u32(0).0;
    for (kind, rest) in [
        ("direct-tcpip", &to_port),
        ("forwarded-tcpip", &to_port),
        ("x11", &Message::default().string("127.0.0.1").u32(1).0),
        ("direct-streamlocal@openssh.com", &to_socket),
        ("auth-agent@openssh.com", &Vec::new()),
        ("no-such-channel", &Vec::new()),
    ] {
        assert_eq!(raw.open(kind, rest).await, None, "{kind}");
        if kind.starts_with("auth-agent") || kind.starts_with("no-such") {
            // The library refuses these twice.
            assert_eq!(raw.next().await.unwrap()[0], number::CHANNEL_OPEN_FAILURE);
        }
    }
    let mut open = 1;
    while raw.open("session", b"").await.is_some() {
        open += 1;
    }
    assert_eq!(open, 100);
    // A channel that is closed makes room.
    raw.send(&Message::new(number::CHANNEL_CLOSE).u32(channel)).await;
    assert_eq!(raw.next().await.unwrap()[0], number::CHANNEL_CLOSE);
    assert!(raw.open("session", b"").await.is_some());
}

/// SECURITY-CASES 75 and §0.5: who stalls is closed after the grace time, at whatever point, and nobody waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_clients_are_closed_and_stop_nobody() {
    let (_account, door) = Account::made();
    let admission = Limits { per_source: 200, total: 1000 };
    let settings = Settings { admission, sign_in_time: Duration::from_secs(4), ..Settings::default() };
    let gateway = Gateway::with(door, settings).await;
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(tokio::net::TcpStream::connect((gateway.address, gateway.port)).await.unwrap());
    }
    let mut stalled = Vec::new();
    for stage in 0..3 {
        for _ in 0..5 {
            stalled.push(match stage {
                0 => Raw::connect(&gateway).await,
                1 => Raw::exchanged(&gateway).await,
                _ => Raw::serviced(&gateway).await,
            });
        }
    }
    works(&gateway).await;
    for stream in &mut silent {
        let mut said = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut said)).await.expect("it is closed");
        assert_eq!(said, b"SSH-2.0-Mayfly\r\n");
    }
    for raw in &mut stalled {
        raw.rest().await;
    }
    let outcomes = gateway.outcomes(46).await;
    let timed_out = outcomes.iter().filter(|outcome| **outcome == Outcome::TimedOut(Stage::SignIn)).count();
    assert_eq!(timed_out, 45, "{outcomes:?}");
}

/// SECURITY-CASES 80: a source has only so many places before sign-in, and who has signed in takes none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_has_only_so_many_places_before_sign_in() {
    let (_account, door) = Account::made();
    let settings = Settings { admission: Limits { per_source: 3, total: 1000 }, ..Settings::default() };
    let gateway = Gateway::with(door, settings).await;
    let _signed_in = Raw::signed_in(&gateway, USER, SECRET).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(Raw::exchanged(&gateway).await);
    }
    let mut refused = tokio::net::TcpStream::connect((gateway.address, gateway.port)).await.unwrap();
    let mut said = Vec::new();
    let _ = tokio::time::timeout(DEADLINE, refused.read_to_end(&mut said)).await.expect("it is closed");
    assert_eq!(said, b"", "not even our name");
    waiting.pop();
    eventually("a place to become free", || gateway.context.admission().admit([127, 0, 0, 1].into()).is_ok()).await;
    works(&gateway).await;
}

/// What a client may say about a program that runs: signals reach it, its end by one is told, and nothing is started twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_are_passed_on_in_both_directions() {
    let (_account, gateway) = gateway().await;
    let mut raw = Raw::signed_in(&gateway, USER, SECRET).await;
    let channel = raw.open("session", b"").await.unwrap();
    let script = "trap 'echo trapped; kill -KILL $$' USR1; echo ready; while :; do sleep 0.1; done";
    raw.send(&channel_request(channel, "exec", true).string(script)).await;
    let mut seen = Vec::new();
    while let Some(message) = raw.next().await {
        match message[0] {
            number::CHANNEL_DATA => {
                seen.push(String::from_utf8(string(&message[5..]).0.to_vec()).unwrap());
                if seen == ["ready\n"] {
                    raw.send(&channel_request(channel, "exec", true).string("echo twice")).await;
                    raw.send(
                        &channel_request(channel, "pty-req", true).string("x").u32(1).u32(1).u32(0).u32(0).string("\0"),
                    )
                    .await;
                    raw.send(&channel_request(channel, "signal", false).string("USR1")).await;
                }
            }
            number::CHANNEL_REQUEST => {
                let (kind, rest) = string(&message[5..]);
                let signal = string(&rest[1..]).0;
                seen.push(format!("{} {}", String::from_utf8_lossy(kind), String::from_utf8_lossy(signal)));
            }
            number::CHANNEL_SUCCESS => seen.push("success".to_owned()),
            number::CHANNEL_FAILURE => seen.push("failure".to_owned()),
            number::CHANNEL_CLOSE => break,
            _ => {}
        }
        if seen == ["success"] {
            seen.clear();
        }
    }
    assert_eq!(seen, ["ready\n", "failure", "failure", "trapped\n", "exit-signal KILL"]);
}
