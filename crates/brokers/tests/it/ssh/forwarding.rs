//! Forwarding: only ports, only to what the record lists, and from the target.

use std::{process::Stdio, sync::atomic::Ordering::SeqCst};

use mayfly_brokers::port::{Service, SshService};

use crate::programs::{complaint, output, printed, texts};

use super::gateway::{Account, Gateway, host};

async fn gateway(forwarding: &[&str]) -> (Account, Gateway) {
    let (account, mut door) = Account::made();
    let forwarding = forwarding.iter().map(|to| (*to).to_owned()).collect();
    door.service = Service::Ssh(SshService { sftp: false, forwarding });
    (account, Gateway::start(door).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listed_port_is_opened_from_the_target() {
    let (_account, gateway) = gateway(&["127.0.0.1:7007"]).await;
    // It listens on the host's loopback, which nobody but the host reaches.
    let serve = "import socket; s = socket.create_server(('127.0.0.1', 7007)); c = s.accept()[0]; \
                 d = c.makefile('rb').readline(); c.sendall(d.upper() * 100000); c.close()";
    let mut server = host().command("python3", &["-c", serve]);
    let mut server = server.spawn().unwrap();
    let listens = || host().output(&["sh", "-c", "ss -ltn | grep -q :7007"]).unwrap().status.success();
    crate::gateway::eventually("the server", listens).await;
    let mut ssh = gateway.ssh(&["-W", "127.0.0.1:7007"], &[]);
    let mut child = ssh.stdin(Stdio::piped()).spawn().unwrap();
    tokio::io::AsyncWriteExt::write_all(child.stdin.as_mut().unwrap(), b"through\n").await.unwrap();
    let done = crate::programs::end(child).await;
    server.wait().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stdout), "THROUGH\n".repeat(100_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_else_is_refused() {
    let (_account, gateway) = gateway(&["127.0.0.1:7008"]).await;
    for to in ["127.0.0.1:22", "localhost:7008", "127.0.0.1:7009", "169.254.169.254:80"] {
        let text = complaint(output(gateway.ssh(&["-W", to], &[])).await);
        assert!(text.contains("administratively prohibited"), "{to}: {text}");
    }
    // Listed, but nobody is there.
    let text = complaint(output(gateway.ssh(&["-W", "127.0.0.1:7008"], &[])).await);
    assert!(text.contains("connect failed"), "{text}");
    let fails = ["-o", "ExitOnForwardFailure=yes", "-N", "-R"];
    for to in ["0:127.0.0.1:22", "/tmp/x:127.0.0.1:22"] {
        let text = complaint(output(gateway.ssh(&[&fails[..], &[to]].concat(), &[])).await);
        assert!(text.contains("forwarding failed"), "{to}: {text}");
    }
    gateway.outcomes(7).await;
    assert_eq!(gateway.door.seen.closed.load(SeqCst), gateway.door.seen.joined.load(SeqCst));
}

/// An agent is not forwarded, whatever the client offers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_not_forwarded() {
    let (_account, gateway) = gateway(&[]).await;
    let socket = gateway.file("agent");
    let mut agent = gateway.program("ssh-agent");
    let mut agent = agent.args(["-D", "-a"]).arg(&socket).spawn().unwrap();
    crate::gateway::eventually("the agent", || socket.exists()).await;
    let mut ssh = gateway.ssh(&["-A"], &["echo agent: $SSH_AUTH_SOCK."]);
    ssh.env("SSH_AUTH_SOCK", &socket);
    let done = output(ssh).await;
    assert_eq!(printed(done.clone()), "agent: .", "{:?}", texts(&done));
    agent.kill().await.unwrap();
}
