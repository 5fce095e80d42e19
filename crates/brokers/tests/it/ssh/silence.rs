//! Lines that die without a word, to the target and to the client. The broker's clock is moved on by the tests, while whoever
//! is asked for a sign of life answers in real time.

use std::{process::Stdio, sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::ssh::Outcome;
use mayfly_domain::Endpoint;
use mayfly_testbed::proxy::Proxy;

use crate::{
    door::USER,
    gateway::eventually,
    programs::{end, texts},
};

use super::gateway::{Account, Gateway};

const LOST: &str = "the connection to the target was lost";

/// Moves the clock on until so many connections have ended.
async fn wait_out(gateway: &Gateway, connections: usize) {
    tokio::time::pause();
    for _ in 0..60 {
        if gateway.ended() >= connections {
            tokio::time::resume();
            return;
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        // While a blocking task runs, the clock stands still.
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(300))).await.unwrap();
    }
    panic!("nobody noticed the silence");
}

#[tokio::test]
async fn a_target_that_falls_silent_is_given_up_and_told() {
    let (_account, mut door) = Account::made();
    let Endpoint { host, port } = door.destination.endpoint.clone();
    let line = Proxy::start(format!("{host}:{port}").parse().unwrap()).unwrap();
    door.destination.endpoint = Endpoint { host: "127.0.0.1".to_owned(), port: line.port() };
    let gateway = Gateway::start(door).await;
    let command = gateway.ssh(&[], &["cat"]).stdin(Stdio::piped()).spawn().unwrap();
    let shell = gateway.ssh(&["-tt"], &[]).stdin(Stdio::piped()).spawn().unwrap();
    let nothing = gateway.ssh(&["-N"], &[]).spawn().unwrap();
    eventually("all sessions", || gateway.door.seen.started.load(SeqCst) == 3).await;
    line.stall();
    wait_out(&gateway, 3).await;
    assert_eq!(gateway.outcomes(3).await, vec![Outcome::TargetLost; 3]);
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 3);
    assert_eq!(texts(&end(command).await).1, format!("mayfly: {LOST}"));
    let said = texts(&end(shell).await).0;
    assert!(said.ends_with(LOST), "{said}");
    let said = texts(&end(nothing).await).1;
    assert!(said.contains(LOST), "{said}");
}

#[tokio::test]
async fn a_client_that_falls_silent_is_given_up() {
    let (account, door) = Account::made();
    let gateway = Gateway::start(door).await;
    let line = Proxy::start((gateway.address, gateway.port).into()).unwrap();
    let alias = format!("HostKeyAlias=[{}]:{}", gateway.address, gateway.port);
    let mut ssh = gateway.program("ssh");
    ssh.args(gateway.options()).args([
        "-o",
        &alias,
        "-p",
        &line.port().to_string(),
        &format!("{USER}@127.0.0.1"),
        "cat",
    ]);
    let client = ssh.stdin(Stdio::piped()).spawn().unwrap();
    eventually("the session", || gateway.door.seen.started.load(SeqCst) == 1).await;
    line.stall();
    wait_out(&gateway, 1).await;
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
    eventually("the end of its processes", || account.processes() == 0).await;
    drop(client);
}
