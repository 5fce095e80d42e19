//! How connections end: cuts in the middle of things, clients and targets that vanish, waiters that give up.

use std::{net::SocketAddr, sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::{
    mysql::{Outcome, run},
    port::Standing,
};
use mayfly_domain::EndReason;
use mayfly_protocol::mysql::{
    frame::{HEADER_LEN, Header},
    reply::ErrPacket,
};
use mayfly_testbed::{
    Proxy,
    mysql::{Flavour, Mysql, Options},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
};

use super::{
    gateway::{Gateway, Target, each, mariadb},
    programs::{client, families, output, texts},
    raw::Raw,
};
use crate::{
    door::{SECRET, USER},
    gateway::{DEADLINE, eventually, in_an_hour},
};

/// As many rows as nobody reads to the end, of different lengths.
fn endless() -> String {
    let digits: Vec<_> = (0..10).map(|n| format!("SELECT {n} n")).collect();
    let of = |name: &str| format!("({}) {name}", digits.join(" UNION ALL "));
    let from: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"].map(of).into();
    format!("SELECT REPEAT('x', 4000 + 100 * a.n + 10 * b.n + c.n) FROM {}", from.join(", "))
}

/// The client is reading a large result: what it has seen up to the cut is whole packets with numbers in order, and the reason as the
/// last of them, or it ends within a packet; it never sees the reason inside one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_a_large_result_never_breaks_a_packet() {
    for (target, gateway) in each().await {
        let mut told = 0;
        for round in 0..4 {
            gateway.door.standing.send_replace(Standing::Open { until: in_an_hour() });
            let mut client = Raw::ready(&gateway).await;
            client.query(&endless()).await;
            let mut seen = vec![0; 200_000 + 7_919 * round];
            client.stream.read_exact(&mut seen).await.unwrap();
            gateway.door.cut(EndReason::Terminated);
            let reading = client.stream.read_to_end(&mut seen);
            let _ = tokio::time::timeout(DEADLINE, reading).await.expect("the connection is closed in time");
            told += usize::from(ends_with_the_reason(&seen));
        }
        assert_eq!(told, 4, "rounds that told the reason");
        assert_eq!(gateway.outcomes(4).await, vec![Outcome::Cut(EndReason::Terminated); 4]);
        eventually("the end of the sessions on the target", || target.connections().is_empty()).await;
    }
}

/// Checks a stream of packets that was cut. Whether it ends with the reason.
fn ends_with_the_reason(seen: &[u8]) -> bool {
    let (mut rest, mut number, mut reason) = (seen, 1_u8, false);
    while let Some((head, tail)) = rest.split_first_chunk::<HEADER_LEN>() {
        assert!(!reason, "something stands behind the reason");
        let header = Header::decode(*head);
        assert_eq!(header.sequence, number, "the numbers go on");
        number = number.wrapping_add(1);
        let Some((payload, next)) = tail.split_at_checked(header.len) else { return false };
        if payload[0] == 0xff {
            let error = ErrPacket::decode(payload).unwrap();
            assert_eq!((error.number, error.message()), (1053, "an administrator ended this session"));
            reason = true;
        }
        rest = next;
    }
    reason
}

/// While a query runs, its answer is the reason; while nothing runs, the next one's is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_the_answer_to_what_the_client_waits_for() {
    for (target, gateway) in each().await {
        let mut busy = Raw::ready(&gateway).await;
        let mut idle = Raw::ready(&gateway).await;
        busy.query("SELECT SLEEP(300)").await;
        eventually("the query to run", || target.executing("SELECT SLEEP%")).await;
        gateway.door.cut(EndReason::Expired);
        assert_eq!(busy.error().await.message(), "the time granted for this session is over");
        assert!(busy.next().await.is_none());
        // The server has long closed: what it said is still to be read.
        gateway.outcomes(2).await;
        idle.sequence = mayfly_protocol::mysql::frame::Sequence::at(1);
        assert_eq!(idle.error().await.number, 1053);
        eventually("the end of the sessions on the target", || target.connections().is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_while_the_session_is_opened_is_told() {
    for family in families() {
        let (_target, door) = mariadb();
        let gateway = Gateway::start(door).await;
        gateway.door.cut(EndReason::Terminated);
        let (_, text) = texts(&output(client(&gateway, family, &["-e", "SELECT 1"])).await);
        assert!(text.contains("an administrator ended this session"), "{text}");
        assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Terminated));
        assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
    }
}

/// A client that takes nothing cannot hold up a cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_cut_all_the_same() {
    let (target, door) = mariadb();
    let gateway = Gateway::start(door).await;
    let mut client = Raw::ready(&gateway).await;
    client.query(&endless()).await;
    let writing = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{}' AND state = 'Writing to net'",
        target.user
    );
    eventually("the stream to be full", || target.sql(&writing) == "1").await;
    gateway.door.cut(EndReason::Expired);
    assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Expired));
    eventually("the end of the session on the target", || target.connections().is_empty()).await;
    drop(client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_vanishes_ends_its_connection() {
    for (target, gateway) in each().await {
        let client = Raw::ready(&gateway).await;
        assert_ne!(target.connections(), "");
        client.stream.get_ref().0.set_zero_linger().unwrap();
        drop(client);
        assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
        assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
        eventually("the end of the session on the target", || target.connections().is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_waiting_gives_up_the_launch() {
    let (_target, mut door) = mariadb();
    door.launch = Duration::from_secs(3600);
    let gateway = Gateway::start(door).await;
    let mut child = client(&gateway, families()[0], &["-e", "SELECT 1"]).spawn().unwrap();
    eventually("the sign-in", || gateway.door.seen.proved.load(SeqCst) == 1).await;
    child.kill().await.unwrap();
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!((gateway.door.seen.given_up.load(SeqCst), gateway.door.seen.joined.load(SeqCst)), (1, 0));
}

/// A connection that an administrator of the target ends there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_target_ends_is_over() {
    for (target, gateway) in each().await {
        let mut client = Raw::ready(&gateway).await;
        target.sql(&format!("KILL {}", target.connections()));
        while client.next_unchecked().await.is_some() {}
        assert_eq!(gateway.outcome().await, Outcome::TargetLeft);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_breaks_is_told() {
    let (target, mut door) = mariadb();
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], target.server.port()))).unwrap();
    door.destination.endpoint.port = proxy.port();
    let gateway = Gateway::start(door).await;
    let mut client = Raw::ready(&gateway).await;
    client.query("SELECT SLEEP(300)").await;
    proxy.cut();
    assert_eq!(client.error().await.message(), "the connection to the target was lost");
    assert!(client.next().await.is_none());
    assert_eq!(gateway.outcome().await, Outcome::TargetLost);
}

/// A server of this test's own, which is killed in the middle of a query.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_killed_is_told() {
    let server = Mysql::start(Options { durable: false, ..Options::new(Flavour::MariaDb) }).unwrap();
    let (target, mut door) = mariadb();
    let password = door.credential.secret.expose().to_owned();
    let made = format!("CREATE USER {}@'127.0.0.1' IDENTIFIED BY '{password}'; CREATE DATABASE orders", target.user);
    server.sql("", &format!("{made}; GRANT SELECT ON orders.* TO {}@'127.0.0.1'", target.user)).unwrap();
    door.destination.endpoint.port = server.port();
    door.destination.trust = mayfly_domain::Trust::VerifyFull { ca_pem: server.ca_pem().to_owned() };
    let gateway = Gateway::start(door).await;
    let mut client = Raw::ready(&gateway).await;
    client.query("SELECT SLEEP(300)").await;
    drop(server);
    while client.next_unchecked().await.is_some() {}
    assert!(matches!(gateway.outcome().await, Outcome::TargetLost | Outcome::TargetLeft));
}

/// What a client sends before it is told that it may is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_sent_too_early_is_answered() {
    use mayfly_protocol::mysql::auth::AuthPlugin;
    let (_target, mut door) = mariadb();
    door.launch = Duration::from_millis(300);
    let gateway = Gateway::start(door).await;
    let mut client = Raw::connect(&gateway).await;
    let response = AuthPlugin::NativePassword.respond(SECRET.as_bytes(), &client.nonce);
    client.log_in(USER, "mysql_native_password", &response).await;
    client.stream.write_all(b"\x0f\0\0\0\x03SELECT 'early'").await.unwrap();
    let mut payloads = Vec::new();
    while payloads.last().is_none_or(|last: &Vec<u8>| last[0] != 0xfe) {
        payloads.push(client.next_unchecked().await.unwrap().payload.to_vec());
    }
    assert_eq!((payloads[0][0], payloads.len()), (0, 5));
    assert_eq!(payloads[3], b"\x05early");
}

/// The accept loop itself: it stops when told, and the connections go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_listener_leaves_connections_alone() {
    let (_target, door): (Target, _) = mariadb();
    let mut gateway = Gateway::start(door).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    gateway.port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel::<()>();
    let context = gateway.context.clone();
    let running = tokio::spawn(run(listener, context, async {
        let _ = stopped.await;
    }));
    let mut client = Raw::ready(&gateway).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", gateway.port)).await.is_err());
    assert_eq!(client.value("SELECT 1").await, "1");
}
