//! How connections end: cuts, clients and targets that vanish, waiters that give up.

use std::{process::Stdio, sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::{
    port::Standing,
    ssh::{Outcome, run},
};
use mayfly_domain::EndReason;
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::oneshot};

use crate::{
    gateway::{Boot, eventually},
    programs::{end, output, texts},
};

use super::gateway::{Account, Gateway, host};

const REASON: &str = "mayfly: an administrator ended this session";

async fn gateway() -> (Account, Gateway) {
    let (account, door) = Account::made();
    (account, Gateway::start(door).await)
}

/// Waits until the account runs this on the host.
async fn running(account: &Account, what: &str) {
    let name = account.name.clone();
    eventually(what, || {
        let found = host().output(&["pgrep", "-u", &name, "-f", what]).unwrap();
        found.status.success()
    })
    .await;
}

async fn gone(account: &Account) {
    eventually("the end of its processes", || account.processes() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_ends_commands_shells_and_transfers_with_the_reason() {
    let (account, gateway) = gateway().await;
    let command = gateway.ssh(&[], &["cat; sleep 1001"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut shell = gateway.ssh(&["-tt"], &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut typed = shell.stdin.take().unwrap();
    typed.write_all(b"sleep 1002\n").await.unwrap();
    let idle = gateway.ssh(&["-N"], &[]).spawn().unwrap();
    let sending = gateway.ssh(&[], &["cat > file"]).stdin(std::fs::File::open("/dev/zero").unwrap()).spawn().unwrap();
    let reading = gateway.ssh(&[], &["cat /dev/zero"]).stdout(Stdio::null()).spawn().unwrap();
    running(&account, "sleep 1002").await;
    running(&account, "cat /dev/zero").await;
    eventually("all sessions", || gateway.door.seen.started.load(SeqCst) == 5).await;
    gateway.door.cut(EndReason::Terminated);
    let (_, stderr) = texts(&end(command).await);
    assert_eq!(stderr, REASON);
    let done = end(shell).await;
    assert!(texts(&done).0.ends_with(REASON), "{done:?}");
    assert_eq!(done.status.code(), Some(255));
    for other in [idle, sending, reading] {
        let (_, stderr) = texts(&end(other).await);
        assert!(stderr.contains("an administrator ended this session"), "{stderr}");
    }
    assert_eq!(gateway.outcomes(5).await, vec![Outcome::Cut(EndReason::Terminated); 5]);
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 5);
    eventually("the end of what ran in terminals and pipes", || account.processes() <= 1).await;
}

/// A client that takes nothing cannot hold up a cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_cut_all_the_same() {
    let (account, gateway) = gateway().await;
    let child = gateway.ssh(&[], &["cat /dev/zero"]).spawn().unwrap();
    running(&account, "cat /dev/zero").await;
    nix_stop(&child);
    tokio::time::sleep(Duration::from_millis(500)).await;
    gateway.door.cut(EndReason::Expired);
    assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Expired));
    gone(&account).await;
    drop(child);
}

/// Stops a process where it stands.
fn nix_stop(child: &tokio::process::Child) {
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_while_the_session_is_opened_is_told() {
    let (_account, gateway) = gateway().await;
    gateway.door.cut(EndReason::Terminated);
    let (_, text) = texts(&output(gateway.ssh(&[], &["true"])).await);
    assert_eq!(text, REASON);
    assert_eq!(gateway.outcome().await, Outcome::Cut(EndReason::Terminated));
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_in_a_shell_is_warned_before_the_deadline() {
    use mayfly_brokers::port::Clock;
    let (_account, gateway) = gateway().await;
    let until = Boot.now().plus(Duration::from_secs(45));
    gateway.door.standing.send_replace(Standing::Open { until });
    let mut shell = gateway.ssh(&["-tt"], &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut typed = shell.stdin.take().unwrap();
    typed.write_all(b"sleep 1; exit\n").await.unwrap();
    let (said, _) = texts(&end(shell).await);
    assert!(said.contains("mayfly: this session ends in 4"), "{said}");
    let done = output(gateway.ssh(&[], &["sleep 1"])).await;
    assert_eq!(texts(&done), (String::new(), String::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_vanishes_ends_its_connection() {
    let (account, gateway) = gateway().await;
    let mut child = gateway.ssh(&["-tt"], &["sleep 1003"]).stdin(Stdio::piped()).spawn().unwrap();
    running(&account, "sleep 1003").await;
    child.kill().await.unwrap();
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
    gone(&account).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_waiting_gives_up_the_launch() {
    let (_account, mut door) = Account::made();
    door.launch = Duration::from_secs(3600);
    let gateway = Gateway::start(door).await;
    let mut child = gateway.ssh(&[], &["true"]).spawn().unwrap();
    eventually("the sign-in", || gateway.door.seen.proved.load(SeqCst) == 1).await;
    child.kill().await.unwrap();
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    assert_eq!((gateway.door.seen.given_up.load(SeqCst), gateway.door.seen.joined.load(SeqCst)), (1, 0));
}

/// The target's end of the connection dies: the person is told, and nothing hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_goes_is_told() {
    let (account, gateway) = gateway().await;
    let child = gateway.ssh(&[], &["sleep 1004"]).spawn().unwrap();
    running(&account, "sleep 1004").await;
    host().run(&["pkill", "-KILL", "-f", &format!("[s]shd: {}", account.name)]).unwrap();
    let done = end(child).await;
    assert_eq!(texts(&done).1, "mayfly: the connection to the target was lost");
    assert_eq!(gateway.outcome().await, Outcome::TargetLost);
    assert_eq!(gateway.door.seen.closed.load(SeqCst), 1);
}

/// The accept loop itself: it stops when told, and the connections go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_listener_leaves_connections_alone() {
    let (_account, door) = Account::made();
    let gateway = Gateway::start(door).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel::<()>();
    let context = gateway.context.clone();
    let accepting = tokio::spawn(run(listener, context, async {
        let _ = stopped.await;
    }));
    let line = format!("[127.0.0.1]:{port} {}\n", gateway.host_key_line);
    std::fs::write(gateway.file("known_hosts"), line).unwrap();
    let mut ssh = gateway.program("ssh");
    ssh.args(gateway.options()).args(["-p", &port.to_string(), "alice~orders@127.0.0.1", "read x; echo $x"]);
    let mut child = ssh.stdin(Stdio::piped()).spawn().unwrap();
    eventually("the session", || gateway.door.seen.started.load(SeqCst) == 1).await;
    stop.send(()).unwrap();
    accepting.await.unwrap();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    child.stdin.take().unwrap().write_all(b"going on\n").await.unwrap();
    assert_eq!(texts(&end(child).await).0, "going on");
}
