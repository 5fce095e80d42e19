//! How connections end: cuts in the middle of things, clients and targets that vanish, waiters that give up.

use std::{net::SocketAddr, sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::postgres::{Outcome, run};
use mayfly_domain::EndReason;
use mayfly_protocol::postgres::{backend::ErrorFields, frame::Framer};
use mayfly_testbed::{Flavour, Options, Postgres, Proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
};

use crate::{
    gateway::{DEADLINE, Gateway, Target, eventually},
    programs::{end, output, psql, texts},
    raw::{Raw, code},
};

/// The client is reading a large result: what it has seen up to the cut is whole messages and the reason, or ends within a
/// message; it never sees the reason inside one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_a_large_result_never_breaks_a_message() {
    let (target, door) = Target::on(Flavour::Newer);
    let gateway = Gateway::start(door).await;
    let mut told = 0;
    for round in 0..20 {
        gateway
            .door
            .standing
            .send_replace(mayfly_brokers::port::Standing::Open { until: crate::gateway::in_an_hour() });
        let (mut client, _) = Raw::ready(&gateway).await;
        client.query("COPY (SELECT repeat('x', generate_series(1, 100000000) % 5000)) TO STDOUT").await;
        let mut seen = vec![0; 200_000 + 7_919 * round];
        client.stream.read_exact(&mut seen).await.unwrap();
        gateway.door.cut(EndReason::Terminated);
        let reading = client.stream.read_to_end(&mut seen);
        let _ = tokio::time::timeout(DEADLINE, reading).await.expect("the connection is closed in time");
        told += usize::from(ends_with_the_reason(&seen));
    }
    assert_eq!(told, 20, "rounds that told the reason");
    assert_eq!(gateway.outcomes(20).await, vec![Outcome::Cut(EndReason::Terminated); 20]);
    eventually("the end of the sessions on the target", || target.sessions().is_empty()).await;
}

/// Checks a stream of messages that was cut. Whether it ends with the reason.
fn ends_with_the_reason(seen: &[u8]) -> bool {
    let mut framer = Framer::new();
    let mut start = 0;
    let mut reason = false;
    while start < seen.len() {
        assert!(!reason, "something stands behind the reason");
        let Some(length) = seen.get(start + 1..start + 5) else { return false };
        let whole = 1 + usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap();
        let Some(message) = seen.get(start..start + whole) else { return false };
        framer.follow(message).unwrap();
        assert!(b"HdcCZE".contains(&message[0]), "{:?}", char::from(message[0]));
        if message[0] == b'E' {
            let fields = ErrorFields::decode(&message[5..]).unwrap();
            assert_eq!((code(&fields).as_str(), fields.message()), ("57P01", "an administrator ended this session"));
            reason = true;
        }
        start += whole;
    }
    reason
}

/// A client that only sends, in the middle of COPY, reads the reason too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_a_copy_from_the_client_tells_the_reason() {
    let (target, door) = Target::on(Flavour::Debian15);
    let gateway = Gateway::start(door).await;
    let child =
        psql(&gateway, &["-c", "CREATE TEMP TABLE t (s text)", "-c", "\\copy t from program 'yes'"]).spawn().unwrap();
    let query = format!(
        "SELECT count(*) FROM pg_stat_progress_copy JOIN pg_stat_activity USING (pid) WHERE usename = '{}' AND bytes_processed > 1000000",
        target.role
    );
    eventually("the copy to be under way", || target.server.psql(&["-c", &query]).unwrap().trim() == "1").await;
    gateway.door.cut(EndReason::Expired);
    let (_, stderr) = texts(&end(child).await);
    assert!(stderr.contains("the time granted for this session is over"), "{stderr}");
    assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Expired));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_while_the_session_is_opened_is_told() {
    let (_target, door) = Target::on(Flavour::Debian15);
    let gateway = Gateway::start(door).await;
    gateway.door.cut(EndReason::Terminated);
    let (_, text) = texts(&output(psql(&gateway, &["-c", "SELECT 1"])).await);
    assert!(text.contains("FATAL:  an administrator ended this session"), "{text}");
    assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Terminated));
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
}

/// A client that takes nothing cannot hold up a cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_cut_all_the_same() {
    let (target, door) = Target::on(Flavour::Debian15);
    let gateway = Gateway::start(door).await;
    let (mut client, _) = Raw::ready(&gateway).await;
    client.query("SELECT repeat('x', 1000 + generate_series(1, 100000000) % 10)").await;
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND wait_event = 'ClientWrite'",
        target.role
    );
    eventually("the stream to be full", || target.server.psql(&["-c", &query]).unwrap().trim() == "1").await;
    gateway.door.cut(EndReason::Expired);
    assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Expired));
    eventually("the end of the session on the target", || target.sessions().is_empty()).await;
    drop(client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_vanishes_ends_its_connection() {
    let (target, door) = Target::on(Flavour::Newer);
    let gateway = Gateway::start(door).await;
    let (client, _) = Raw::ready(&gateway).await;
    assert_ne!(target.sessions(), "");
    client.stream.get_ref().0.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
    eventually("the end of the session on the target", || target.sessions().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_waiting_gives_up_the_launch() {
    let (_target, mut door) = Target::on(Flavour::Debian15);
    door.launch = Duration::from_secs(3600);
    let gateway = Gateway::start(door).await;
    let mut child = psql(&gateway, &["-c", "SELECT 1"]).spawn().unwrap();
    eventually("the sign-in", || gateway.door.seen.proved.load(SeqCst) == 1).await;
    child.kill().await.unwrap();
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!((gateway.door.seen.given_up.load(SeqCst), gateway.door.seen.joined.load(SeqCst)), (1, 0));
}

/// A server of this test's own, which is killed in the middle of a query.
fn own_server() -> &'static Postgres {
    let mut options = Options::new(Flavour::Debian15);
    options.fsync = false;
    let server: &'static Postgres = Box::leak(Box::new(Postgres::start(options).unwrap()));
    server.psql(&["-c", "CREATE ROLE readonly", "-c", "CREATE DATABASE orders"]).unwrap();
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_shut_down_says_so_itself() {
    let server = own_server();
    let (_target, door) = Target::at(server);
    let gateway = Gateway::start(door).await;
    let (mut client, _) = Raw::ready(&gateway).await;
    server.stop_fast().unwrap();
    let fields = client.error().await;
    assert_eq!(fields.message(), "terminating connection due to administrator command");
    assert_eq!(gateway.outcome().await, Outcome::TargetLeft);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_breaks_is_told() {
    let (target, mut door) = Target::on(Flavour::Debian15);
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], target.server.port()))).unwrap();
    door.destination.endpoint.port = proxy.port();
    let gateway = Gateway::start(door).await;
    let (mut client, _) = Raw::ready(&gateway).await;
    client.query("SELECT pg_sleep(300)").await;
    proxy.cut();
    let fields = client.error().await;
    assert_eq!((code(&fields).as_str(), fields.message()), ("08006", "the connection to the target was lost"));
    assert!(client.next().await.is_none());
    assert_eq!(gateway.outcome().await, Outcome::TargetLost);
}

/// What a client sends before it is asked to is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_sent_too_early_is_answered() {
    let (_target, mut door) = Target::on(Flavour::Debian15);
    door.launch = Duration::from_millis(300);
    let gateway = Gateway::start(door).await;
    let mut client = Raw::connect(&gateway).await;
    client.start(mayfly_protocol::postgres::ProtocolVersion::V3_0, &[("user", crate::door::USER)]).await;
    assert_eq!(client.sign_in(crate::door::SECRET).await.1, None);
    client.query("SELECT 'early'").await;
    client.stream.flush().await.unwrap();
    let mut tags = Vec::new();
    while tags.iter().filter(|tag| **tag == b'Z').count() < 2 {
        tags.push(client.next().await.unwrap().0);
    }
    assert_eq!(tags.iter().filter(|tag| **tag == b'D').count(), 1);
}

/// The accept loop itself: it stops when told, and the connections go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_listener_leaves_connections_alone() {
    let (_target, door) = Target::on(Flavour::Debian15);
    let mut gateway = Gateway::start(door).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    gateway.port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel::<()>();
    let context = gateway.context.clone();
    let running = tokio::spawn(run(listener, context, async {
        let _ = stopped.await;
    }));
    let (mut client, _) = Raw::ready(&gateway).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", gateway.port)).await.is_err());
    client.query("SELECT 1").await;
    assert_eq!(client.next().await.unwrap().0, b'T');
}
