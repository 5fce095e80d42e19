//! Whoever takes nothing holds back whoever sends, and nobody else: what is kept in between is bounded, and no two
//! directions wait for each other.

use std::{process::Stdio, time::Duration};

use tokio::io::AsyncWriteExt;

use crate::{
    gateway::{DEADLINE, eventually},
    programs::end,
};

use super::gateway::{Account, Gateway, host};

/// More than all windows and buffers between a client and a target together.
const PLENTY: usize = 64_000_000;

async fn gateway() -> (Account, Gateway) {
    let (account, door) = Account::made();
    (account, Gateway::start(door).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_holds_the_target_back() {
    let (account, gateway) = gateway().await;
    let command = "while head -c 1000000 /dev/zero; do echo >> written; done";
    let child = gateway.ssh(&[], &[command]).spawn().unwrap();
    let path = account.path("written");
    let written = move || {
        let counted = host().output(&["sh", "-c", &format!("wc -l < {path}")]).unwrap();
        String::from_utf8_lossy(&counted.stdout).trim().parse().unwrap_or(0) * 1_000_000
    };
    // The test does not read what the client prints, so that the client does not read either.
    let mut last = 0;
    eventually("the first of it", || written() > 0).await;
    eventually("a standstill", || {
        std::thread::sleep(Duration::from_millis(500));
        let now = written();
        let still = now == last;
        last = now;
        still
    })
    .await;
    assert!(last < PLENTY, "{last} bytes were written that nobody has read");
    drop(child);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_does_not_read_holds_the_client_back() {
    let (_account, gateway) = gateway().await;
    let mut child = gateway.ssh(&[], &["sleep 1005"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut sent = 0;
    let chunk = vec![0; 100_000];
    while tokio::time::timeout(Duration::from_secs(2), stdin.write_all(&chunk)).await.is_ok() {
        sent += chunk.len();
        assert!(sent < PLENTY, "{sent} bytes were taken that nobody has read");
    }
    assert!(sent > 1_000_000);
    // It can still be ended.
    child.kill().await.unwrap();
    gateway.outcome().await;
}

/// A program that reads nothing does not hold up another one of the same connection, however much it was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_reads_nothing_holds_up_no_other() {
    let (_account, gateway) = gateway().await;
    let control = format!("ControlPath={}", gateway.file("control").display());
    let mut master = gateway.ssh(&["-M", "-N", "-o", &control], &[]).spawn().unwrap();
    eventually("the master", || gateway.file("control").exists()).await;
    let mut deaf = gateway.ssh(&["-o", &control], &["sleep 1006"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = deaf.stdin.take().unwrap();
    let chunk = vec![0; 100_000];
    while tokio::time::timeout(Duration::from_secs(1), stdin.write_all(&chunk)).await.is_ok() {}
    for _ in 0..3 {
        let mut other = gateway.ssh(&["-o", &control], &["wc -c"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = other.stdin.take().unwrap();
        stdin.write_all(&vec![0; 8_000_000]).await.unwrap();
        drop(stdin);
        assert_eq!(String::from_utf8_lossy(&end(other).await.stdout), "8000000\n");
    }
    master.kill().await.unwrap();
    gateway.outcome().await;
    drop(deaf);
}

/// What one program of a connection prints is the input of another on the same connection, which takes its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_of_one_connection_feed_each_other() {
    let (_account, gateway) = gateway().await;
    let control = format!("ControlPath={}", gateway.file("control").display());
    let mut master = gateway.ssh(&["-M", "-N", "-o", &control], &[]).spawn().unwrap();
    eventually("the master", || gateway.file("control").exists()).await;
    let source = gateway.ssh(&["-o", &control], &[&format!("head -c {PLENTY} /dev/zero")]);
    let mut source = source.into_std();
    let mut source = source.stdout(Stdio::piped()).spawn().unwrap();
    let piped = source.stdout.take().unwrap();
    let mut sink = gateway.ssh(&["-o", &control], &["sleep 3; wc -c"]);
    let sink = sink.stdin(piped).spawn().unwrap();
    let done = tokio::time::timeout(DEADLINE, end(sink)).await.expect("nothing waits for ever");
    assert_eq!(String::from_utf8_lossy(&done.stdout), format!("{PLENTY}\n"), "{done:?}");
    assert!(source.wait().unwrap().success());
    master.kill().await.unwrap();
}
