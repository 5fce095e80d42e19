//! Targets that break the protocol, or want more than they may have: each costs one connection, and gets nothing.

use mayfly_brokers::{
    mysql::{Outcome, Settings, Side, Stage},
    port::MysqlService,
};
use mayfly_dial::Credential;
use mayfly_domain::{Destination, Endpoint, Secret, Trust};
use mayfly_protocol::mysql::{
    Capabilities, Nonce,
    auth::AuthPlugin,
    connect::Greeting,
    frame::{self, Sequence},
    reply::{AuthMoreData, AuthSwitchRequest, ErrPacket, OkPacket},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::{
    gateway::{Gateway, mariadb, service},
    programs::{client, complaint, families, output},
    raw::Raw,
};
use crate::{
    door::TestDoor,
    gateway::{in_an_hour, server_tls},
};

const PASSWORD: &str = "the-account's-password";

fn door(port: u16, trust: Trust) -> TestDoor {
    let endpoint = Endpoint { host: "localhost".to_owned(), port };
    let credential = Credential { login: "keeper_x".to_owned(), secret: Secret::new(PASSWORD.to_owned()) };
    let mut door = TestDoor::new(Destination { endpoint, trust }, credential, in_an_hour());
    door.service = service(MysqlService::default());
    door
}

fn greeting(capabilities: Capabilities, plugin: &[u8]) -> Vec<u8> {
    let greeting = Greeting {
        server_version: b"9.0.0",
        connection_id: 9,
        nonce: Nonce::from_random(&[5; 20]),
        capabilities,
        collation: 45,
        status: 2,
        plugin,
    };
    let mut out = Vec::new();
    greeting.encode(&mut Sequence::new(), &mut out).unwrap();
    out
}

fn packet_at(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(payload, &mut Sequence::at(number), &mut out);
    out
}

/// A server that says these lines, each when it has heard something; the first at once. What it hears is kept.
async fn says(lines: Vec<Vec<u8>>) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(stream, lines.clone(), Arc::clone(&kept)));
        }
    });
    (port, heard)
}

async fn talk(mut stream: TcpStream, lines: Vec<Vec<u8>>, heard: Arc<Mutex<Vec<u8>>>) {
    let mut lines = lines.into_iter();
    let mut piece = [0; 4096];
    loop {
        if let Some(line) = lines.next()
            && stream.write_all(&line).await.is_err()
        {
            return;
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => heard.lock().await.extend_from_slice(&piece[..read]),
        }
    }
}

/// What a client reads whose target says these lines in clear, how it ended, and what the target heard.
async fn told(lines: Vec<Vec<u8>>) -> (String, Outcome, Vec<u8>) {
    let (port, heard) = says(lines).await;
    let settings = Settings { target_time: Duration::from_secs(2), ..Settings::default() };
    let gateway = Gateway::with(door(port, Trust::Plaintext), settings, mayfly_brokers::mysql::Flavour::Mysql).await;
    let text = complaint(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await);
    let outcome = gateway.outcome().await;
    let heard = heard.lock().await.clone();
    assert!(!heard.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()), "the password went out");
    (text, outcome, heard)
}

const SHA2: &[u8] = b"caching_sha2_password";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn greetings_that_are_none_cost_one_connection() {
    let greeted = greeting(Capabilities::SPOKEN, SHA2);
    let lines: [Vec<u8>; 7] = [
        b"\xff\xff\xff\0\x0a".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        packet_at(0, b"\x09old"),
        packet_at(1, &greeted[4..]),
        packet_at(0, b""),
        packet_at(0, b"\xff"),
        packet_at(0, &[0x0a; 60]),
    ];
    for line in lines {
        let shown = format!("{line:?}");
        let (text, outcome, _) = told(vec![line]).await;
        assert!(text.contains("does not behave as a server of MySQL or MariaDB does"), "{shown}: {text}");
        assert_eq!(outcome, Outcome::Violation(Side::Target, "greeting"), "{shown}");
    }
}

/// What a server says before it is known is not passed on, only what its number means.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_at_once_are_told_in_our_words() {
    for (number, words) in
        [(1040, "has too many connections"), (1130, "takes no connections"), (4242, "its error 4242")]
    {
        let payload = [&[0xff][..], &u16::to_le_bytes(number), b"call 0800-EVIL"].concat();
        let (text, outcome, _) = told(vec![packet_at(0, &payload)]).await;
        assert!(text.contains(words) && !text.contains("EVIL"), "{text}");
        assert_eq!(outcome, Outcome::TargetRefused(number.to_string()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_ins_that_are_spoiled_cost_one_connection_and_give_nothing_away() {
    let greeted = greeting(Capabilities::SPOKEN, SHA2);
    let mut full = Vec::new();
    AuthMoreData { data: AuthMoreData::FULL_AUTHENTICATION }.encode(&mut Sequence::at(2), &mut full);
    let mut switch = Vec::new();
    AuthSwitchRequest::encode(
        AuthPlugin::NativePassword,
        &Nonce::from_random(&[6; 20]),
        &mut Sequence::at(2),
        &mut switch,
    );
    let mut again = Vec::new();
    AuthSwitchRequest::encode(
        AuthPlugin::NativePassword,
        &Nonce::from_random(&[6; 20]),
        &mut Sequence::at(4),
        &mut again,
    );
    let cases: [(Vec<Vec<u8>>, &str); 8] = [
        (vec![full], "for the password in clear on a connection without TLS"),
        (vec![packet_at(2, b"\xfemysql_clear_password\0")], "for the plugin mysql_clear_password"),
        (vec![packet_at(2, b"\xfeclient_ed25519\0aaaaaaaaaaaaaaaaaaaa\0")], "for the plugin client_ed25519"),
        (vec![packet_at(2, b"\xfe")], "does not behave"),
        (vec![switch, again], "does not behave"),
        (vec![packet_at(2, b"\x01\x02")], "does not behave"),
        (vec![packet_at(7, b"\0\0\0\x02\0\0\0")], "does not behave"),
        (vec![packet_at(2, b"\xfb/etc/passwd")], "does not behave"),
    ];
    for (lines, words) in cases {
        let shown = format!("{lines:?}");
        let (text, outcome, _) = told([vec![greeted.clone()], lines].concat()).await;
        assert!(text.contains(words), "{shown}: {text}");
        let expected = matches!(outcome, Outcome::Violation(Side::Target, _) | Outcome::TargetRefused(_));
        assert!(expected, "{shown}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_says_nothing_is_left_in_time() {
    let (text, outcome, heard) = told(vec![]).await;
    assert!(text.contains("the target did not answer in time"), "{text}");
    assert_eq!((outcome, heard.len()), (Outcome::TimedOut(Stage::Target), 0));
}

/// What was agreed with the client has to hold with the target.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_speaks_less_than_was_agreed_is_refused() {
    let less = Capabilities::SPOKEN.without(Capabilities::MULTI_RESULTS);
    let (text, outcome, heard) = told(vec![greeting(less, SHA2)]).await;
    assert!(text.contains("MySQL 8.4 and MariaDB 10.11 are the oldest that are supported"), "{text}");
    assert_eq!((outcome, heard.len()), (Outcome::TargetRefused("capabilities".to_owned()), 0));
}

/// A server that lets us in, and then answers the client's first query with this.
async fn answering(answer: Vec<u8>, allowed: MysqlService) -> (Gateway, Arc<Mutex<Vec<u8>>>) {
    let mut ok = Vec::new();
    OkPacket { status: 2, ..OkPacket::default() }.encode(Capabilities::SPOKEN, &mut Sequence::at(2), &mut ok).unwrap();
    let native = AuthPlugin::NativePassword.name().as_bytes();
    let (port, heard) = says(vec![greeting(Capabilities::SPOKEN, native), ok, answer]).await;
    let mut door = door(port, Trust::Plaintext);
    door.service = service(allowed);
    (Gateway::start(door).await, heard)
}

/// A server that asks for files of the client in answer to anything. The client never sees the wish.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_asks_for_files_gets_none() {
    let wish = |number| packet_at(number, b"\xfb/etc/passwd");
    let more = packet_at(1, b"\0\0\0\x0a\0\0\0");
    for answer in [wish(1), [more, wish(2)].concat()] {
        let (gateway, _) = answering(answer, MysqlService::default()).await;
        let mut client = Raw::ready(&gateway).await;
        client.query("SELECT 1").await;
        let mut last = Vec::new();
        while let Some(packet) = client.next_unchecked().await {
            assert_ne!(packet.payload[0], 0xfb, "the wish reached the client");
            last = packet.payload.to_vec();
        }
        let error = ErrPacket::decode(&last).unwrap();
        assert!(error.message().contains("asked for a file of yours, which this record does not allow"), "{error:?}");
        assert_eq!(gateway.outcome().await, Outcome::Violation(Side::Target, "asks for a file"));
    }
    // Where the record allows it, and nowhere else, the client hears it.
    let (gateway, heard) = answering(wish(1), MysqlService { local_files: true, ..MysqlService::default() }).await;
    let mut client = Raw::ready(&gateway).await;
    client.query("SELECT 1").await;
    assert_eq!(**client.next().await.unwrap().payload, *b"\xfb/etc/passwd");
    client.send(b"root:x:0:0").await;
    client.send(b"").await;
    crate::gateway::eventually("the file to arrive", || {
        heard.try_lock().is_ok_and(|heard| heard.ends_with(b"\x0a\0\0\x02root:x:0:0\0\0\0\x03"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_that_are_none_cost_one_connection() {
    for answer in [packet_at(1, b"\0\0"), packet_at(1, b"\xfd\0\0\x01"), packet_at(1, b"")] {
        let (gateway, _) = answering(answer.clone(), MysqlService::default()).await;
        let mut client = Raw::ready(&gateway).await;
        client.query("SELECT 1").await;
        assert!(client.error().await.message().contains("does not behave"), "{answer:?}");
        assert_eq!(gateway.outcome().await, Outcome::Violation(Side::Target, "response"));
    }
}

/// No silent plaintext, no unverified certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_not_talked_away() {
    let (ca_pem, _, _) = server_tls();
    let trust = Trust::VerifyFull { ca_pem };
    let plain = greeting(Capabilities::SPOKEN.without(Capabilities::SSL), SHA2);
    let spoken = greeting(Capabilities::SPOKEN, SHA2);
    for (lines, words) in [
        (vec![plain], "the target does not offer TLS"),
        (vec![spoken.clone(), packet_at(2, b"\0\0\0\x02\0\0\0")], "does not speak TLS"),
    ] {
        let (port, heard) = says(lines).await;
        let gateway = Gateway::start(door(port, trust.clone())).await;
        let text = complaint(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await);
        assert!(text.contains(words), "{text}");
        assert_eq!(gateway.outcome().await, Outcome::Unreachable);
        let heard = heard.lock().await;
        assert!(!heard.windows(8).any(|part| part == b"keeper_x"), "the account was named in clear");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_at_the_address_gets_nothing() {
    let (target, mut door) = mariadb();
    let (ca_pem, _, _) = server_tls();
    door.destination.trust = Trust::VerifyFull { ca_pem };
    let gateway = Gateway::start(door).await;
    let text = complaint(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await);
    assert!(text.contains("was not issued by an authority that this record trusts"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Unreachable);
    let log = target.server.log().unwrap();
    assert!(!log.lines().any(|line| line.contains("Connect") && line.contains(&target.user)), "it saw a log-in");
}

/// What dialling found out is told; and an account that the target does not let in is no wrong secret of the person's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_us_out_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let gateway = Gateway::start(door(port, Trust::Plaintext)).await;
    let text = complaint(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await);
    assert!(text.contains("nothing listens at localhost"), "{text}");
    let (_target, mut door) = mariadb();
    door.credential = Credential { login: "nobody".to_owned(), secret: Secret::new("wrong".to_owned()) };
    let gateway = Gateway::start(door).await;
    let text = complaint(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await);
    assert!(text.contains("ERROR 1105") && text.contains("the target refused the account of this session"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::TargetRefused("1045".to_owned()));
}
