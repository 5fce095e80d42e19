//! How connections end: cuts in the middle of things, clients and targets that vanish, waiters that give up.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::tds::{Outcome, Settings, Stage, run};
use mayfly_domain::EndReason;
use mayfly_protocol::tds::{TdsVersion, login::Login};
use mayfly_testbed::Proxy;
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::oneshot};

use super::{
    gateway::{ACCOUNT, Gateway, Target},
    programs::{python, tsql},
    raw::{Raw, login, rest},
};
use crate::{
    door::{SECRET, USER},
    gateway::eventually,
};

/// While a statement runs, its answer is the reason; while nothing runs, the next one's is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_the_answer_to_what_the_client_waits_for() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut busy = Raw::ready(&gateway).await;
    let mut idle = Raw::ready(&gateway).await;
    busy.batch("WAITFOR DELAY '00:10:00'").await;
    let running = "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE status = 'running' AND is_user_process = 1";
    eventually("the statement to run", || target.server.admin("master", running).unwrap() == [["1"]]).await;
    gateway.door.cut(EndReason::Expired);
    for client in [&mut busy, &mut idle] {
        let error = client.error().await;
        assert_eq!((error.number, error.class), (50_000, 20));
        assert_eq!(error.text, "the time granted for this session is over");
        assert!(rest(&mut client.stream).await.is_empty());
    }
    assert_eq!(gateway.outcomes(2).await, vec![Outcome::Cut(EndReason::Expired); 2]);
    eventually("the end of the sessions on the target", || target.sessions().is_empty()).await;
}

/// The client is reading a large result: it never sees the reason inside of a message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_a_large_result_never_breaks_a_message() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let large = format!(
        "SELECT {}",
        vec!["REPLACE(N'xxxxxxxxxx', N'x', N'0123456789012345678901234567890123456789')"; 2000].join(", ")
    );
    for round in 0..5u32 {
        gateway
            .door
            .standing
            .send_replace(mayfly_brokers::port::Standing::Open { until: crate::gateway::in_an_hour() });
        let mut client = Raw::ready(&gateway).await;
        client.batch(&large).await;
        tokio::time::sleep(Duration::from_millis(u64::from(10 * round))).await;
        gateway.door.cut(EndReason::Terminated);
        let seen = rest(&mut client.stream).await;
        // Whole packets up to the last, which may be cut off; the reason is the last message or is not there.
        let mut at = 0;
        let mut messages = 0;
        while let Some(head) = seen.get(at..at + 8) {
            assert_eq!(head[0], 4, "a packet of the server");
            at += usize::from(u16::from_be_bytes([head[2], head[3]]));
            messages += usize::from(head[1] & 1 == 1 && at <= seen.len());
        }
        assert!(messages <= 2, "the result and the reason");
    }
    assert_eq!(gateway.outcomes(5).await, vec![Outcome::Cut(EndReason::Terminated); 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_while_the_session_is_opened_is_told() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    gateway.door.cut(EndReason::Terminated);
    let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT 1\nGO\n").await;
    assert!(said.contains("an administrator ended this session"), "{said}");
    assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Terminated));
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_gives_up_waiting_is_noticed_at_once() {
    let (_target, mut door) = Target::start();
    door.launch = Duration::from_secs(600);
    let gateway = Gateway::start(door).await;
    let mut client = Raw::connect(&gateway, false).await;
    client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
    eventually("the sign-in", || gateway.door.seen.proved.load(SeqCst) == 1).await;
    drop(client);
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!(gateway.door.seen.given_up.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_launch_and_a_sign_in_that_take_too_long_are_given_up() {
    let (_target, mut door) = Target::start();
    door.launch = Duration::from_secs(600);
    let settings = Settings {
        launch_time: Duration::from_millis(100),
        sign_in_time: Duration::from_millis(500),
        ..Settings::default()
    };
    let gateway = Gateway::with(door, settings).await;
    let mut client = Raw::connect(&gateway, false).await;
    client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
    assert!(client.error().await.text.contains("was not ready in time"));
    assert_eq!(gateway.outcome().await, Outcome::TimedOut(Stage::Launch));
    let mut silent = Raw::connect(&gateway, false).await;
    rest(&mut silent.stream).await;
    assert_eq!(gateway.outcomes(2).await[1], Outcome::TimedOut(Stage::SignIn));
}

/// A target that ends the session itself: the client sees its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_killed_on_the_target_ends_for_the_client() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut client = Raw::ready(&gateway).await;
    let spid = target.sessions()[0].id;
    target.server.admin("master", &format!("KILL {spid}")).unwrap();
    rest(&mut client.stream).await;
    assert!(matches!(gateway.outcome().await, Outcome::TargetLeft | Outcome::TargetLost));
    let script = format!(
        "c = connect()
k = c.cursor()
k.execute('SELECT SUSER_SNAME()')
print(k.fetchone()[0] == '{ACCOUNT}')
"
    );
    assert_eq!(python(&gateway, &script).await, "True\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_vanishes_is_told() {
    let (target, mut door) = Target::start();
    let proxy = Proxy::start(std::net::SocketAddr::from(([127, 0, 0, 1], target.server.port()))).unwrap();
    door.destination.endpoint.port = proxy.addr().port();
    let gateway = Gateway::start(door).await;
    let mut client = Raw::ready(&gateway).await;
    proxy.cut();
    assert_eq!(client.error().await.text, "the connection to the target was lost");
    assert_eq!(gateway.outcome().await, Outcome::TargetLost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loop_ends_when_it_is_told_and_lets_those_in_go_on() {
    let (_target, door) = Target::start();
    let mut gateway = Gateway::start(door).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = oneshot::channel::<()>();
    let running = tokio::spawn(run(listener, gateway.context.clone(), async {
        let _ = told.await;
    }));
    gateway.port = port;
    let mut client = Raw::ready(&gateway).await;
    tell.send(()).unwrap();
    running.await.unwrap();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert_eq!(client.rows("SELECT 1").await, ["[Int(1)]"]);
}
