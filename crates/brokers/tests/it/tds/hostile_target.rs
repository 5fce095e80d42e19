//! Targets that break the protocol, or want more than they may have: each costs one connection, and gets nothing.

use std::{sync::Arc, time::Duration};

use mayfly_brokers::tds::{Outcome, Settings, Side, Stage};
use mayfly_dial::Credential;
use mayfly_domain::{Endpoint, Secret, Trust};
use mayfly_protocol::tds::{
    Encryption, Prelogin, TdsVersion,
    frame::PacketType,
    login::{Login, reveal},
    token::{Done, DoneStatus, EnvChange, LoginAck, Route, ServerMessage},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::{
    gateway::{Gateway, door},
    raw::{Raw, login, packets, rest},
};
use crate::door::{SECRET, USER};

const PASSWORD: &str = "the-account's-password";

/// What a target in clear says to PRELOGIN.
pub(super) fn greeting(encryption: Encryption, mars: bool) -> Vec<u8> {
    let mut data = Vec::new();
    let prelogin =
        Prelogin { encryption: Some(encryption), mars: Some(mars), ..Prelogin::of_version([16, 0, 0, 0, 0, 0]) };
    prelogin.encode(&mut data).unwrap();
    packets(PacketType::Result, &data)
}

/// The acknowledgement of a log-in.
pub(super) fn ack(version: TdsVersion) -> Vec<u8> {
    let mut data = Vec::new();
    let ack = LoginAck { interface: 1, version, program: "made by hand".to_owned(), program_version: [1, 0, 0, 0] };
    ack.encode(&mut data).unwrap();
    data
}

/// An answer to a log-in of these tokens, with its end.
pub(super) fn answer(mut tokens: Vec<u8>) -> Vec<u8> {
    Done::statement(DoneStatus::FINAL).encode(TdsVersion::V7_4, &mut tokens);
    packets(PacketType::Result, &tokens)
}

/// A server that says these lines, each when it has heard something, and nothing more. What it hears is kept.
pub(super) async fn says(lines: Vec<Vec<u8>>) -> (u16, Arc<Mutex<Vec<u8>>>) {
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
    let mut piece = [0; 8192];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => heard.lock().await.extend_from_slice(&piece[..read]),
        }
        if let Some(line) = lines.next()
            && stream.write_all(&line).await.is_err()
        {
            return;
        }
    }
}

/// A broker whose target in clear says these lines.
pub(super) async fn before(lines: Vec<Vec<u8>>) -> (Gateway, Arc<Mutex<Vec<u8>>>) {
    let (port, heard) = says(lines).await;
    let settings = Settings { target_time: Duration::from_secs(2), ..Settings::default() };
    let credential = Credential { login: "keeper_x".to_owned(), secret: Secret::new(PASSWORD.to_owned()) };
    let endpoint = Endpoint { host: "localhost".to_owned(), port };
    (Gateway::with(door(endpoint, Trust::Plaintext, credential), settings).await, heard)
}

/// What a client reads whose target says these lines, and how it ended.
async fn told(lines: Vec<Vec<u8>>) -> (String, Outcome) {
    let (gateway, _) = before(lines).await;
    let mut client = Raw::connect(&gateway, false).await;
    client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
    let text = client.error().await.text;
    rest(&mut client.stream).await;
    assert!(!text.contains(PASSWORD) && !text.contains(SECRET), "{text}");
    (text, gateway.outcome().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_to_prelogin_that_are_none_cost_one_connection() {
    let lines: [&[u8]; 6] = [
        b"\x04\x01\xff\xff\0\0\0\0",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x04\x01\0\x0a\0\0\0\0\xff\xff",
        b"\x12\x01\0\x09\0\0\0\0\0",
        &packets(PacketType::Result, b"\0\0\x06\0\x06\xff\x01\x02\x03\x04\x05\x06"),
        &packets(PacketType::Result, b"\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\x01\x02\x03\x04\x05\x06\x55"),
    ];
    for line in lines {
        let (text, outcome) = told(vec![line.to_vec()]).await;
        assert_eq!(text, "the target does not behave as a SQL Server does", "{line:?}");
        assert!(matches!(outcome, Outcome::Violation(Side::Target, _)), "{line:?}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_ins_that_are_spoiled_cost_one_connection() {
    let greeted = || greeting(Encryption::NotSupported, false);
    let mut routed = ack(TdsVersion::V7_4);
    let route = Route { server: "evil\u{1b}[2J.example".to_owned(), port: 1434 };
    EnvChange::Routed(route).encode(&mut routed).unwrap();
    let mut rows = ack(TdsVersion::V7_4);
    rows.extend(b"\x81\x01\0\0\0\0\0\x01\0\x26\x04\0");
    let mut old = ack(TdsVersion::V7_1);
    Done::statement(DoneStatus::FINAL).encode(TdsVersion::V7_1, &mut old);
    let old = packets(PacketType::Result, &old);
    for (line, says, outcome) in [
        (answer(Vec::new()), "does not behave", None),
        (answer(vec![0x55]), "does not behave", None),
        (answer(rows), "does not behave", None),
        (packets(PacketType::Batch, b""), "does not behave", None),
        (answer(routed), "sends this connection on to evil[2J.example:1434", Some("routed")),
        (answer(b"\xed\x02\0ab".to_vec()), "asks for another authentication", Some("authentication method")),
        (old, "an older version of the protocol", Some("protocol version")),
    ] {
        let (text, ended) = told(vec![greeted(), line]).await;
        assert!(text.contains(says), "{says}: {text}");
        match outcome {
            Some(word) => assert_eq!(ended, Outcome::TargetRefused(word.to_owned())),
            None => assert!(matches!(ended, Outcome::Violation(Side::Target, _)), "{ended:?}"),
        }
    }
}

/// What a target says of a log-in goes to the client, but never as if the person's secret was wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_a_log_in_are_passed_on_and_told_apart() {
    for (number, says) in
        [(18456, "the target refused the account of this session: because"), (4060, "because"), (17_142, "because")]
    {
        let mut data = Vec::new();
        ServerMessage::error(number, 14, "because").encode(TdsVersion::V7_4, &mut data).unwrap();
        let (text, outcome) = told(vec![greeting(Encryption::NotSupported, false), answer(data)]).await;
        assert_eq!(text, says);
        assert_eq!(outcome, Outcome::TargetRefused(number.to_string()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_says_nothing_more_is_not_waited_for() {
    for lines in [vec![], vec![greeting(Encryption::NotSupported, false)]] {
        let (text, outcome) = told(lines).await;
        assert!(text.contains("did not answer in time"), "{text}");
        assert_eq!(outcome, Outcome::TimedOut(Stage::Target));
    }
}

/// The account's password goes to the target alone, the client's secret nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_in_is_the_clients_but_for_the_account() {
    let lines = vec![greeting(Encryption::NotSupported, false), answer(ack(TdsVersion::V7_4))];
    let (gateway, heard) = before(lines).await;
    let mut client = Raw::connect(&gateway, false).await;
    let mut asked = Login {
        application: "report".to_owned(),
        host: "laptop".to_owned(),
        server: "gateway.example".to_owned(),
        language: "Deutsch".to_owned(),
        packet_len: 8000,
        client_pid: 77,
        locale: 0x0407,
        ..Login::new(TdsVersion::V7_4, USER, SECRET)
    };
    asked.flags = asked.flags.read_only(true);
    client.stream.write_all(&login(&asked)).await.unwrap();
    client.tokens().await;
    let heard = heard.lock().await.clone();
    let at = heard.windows(2).position(|pair| pair == [PacketType::Login.byte(), 1]).unwrap();
    let got = Login::decode(&heard[at + 8..]).unwrap();
    let expected = Login {
        user: "keeper_x".to_owned(),
        password: PASSWORD.to_owned().into(),
        database: "orders".to_owned(),
        server: "localhost".to_owned(),
        ..asked
    };
    assert_eq!(got, expected);
    let mut shown = heard;
    reveal(&mut shown);
    let hidden: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!shown.windows(hidden.len()).any(|part| part == hidden), "the connect secret went on");
}

/// Within the relay: a target that does not keep to packets is cut off, and the client is told where it can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_leaves_the_protocol_later_is_cut_off() {
    for line in [&b"\x12\x01\0\x08\0\0\0\0"[..], b"\x04\x01\0\x02\0\0\0\0", b"HTTP/1.1 400 Bad"] {
        let lines = vec![greeting(Encryption::NotSupported, false), answer(ack(TdsVersion::V7_4)), line.to_vec()];
        let (gateway, _) = before(lines).await;
        let mut client = Raw::connect(&gateway, false).await;
        client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
        client.tokens().await;
        client.batch("SELECT 1").await;
        rest(&mut client.stream).await;
        assert_eq!(gateway.outcome().await, Outcome::Violation(Side::Target, "packet"));
    }
}
