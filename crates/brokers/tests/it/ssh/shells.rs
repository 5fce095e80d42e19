//! Commands and shells: what they print, how they end, and what they are told.

use std::{process::Stdio, sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::ssh::Outcome;
use tokio::io::AsyncWriteExt;

use crate::programs::{output, printed, texts};

use super::gateway::{Account, Gateway};

async fn gateway() -> (Account, Gateway) {
    let (account, door) = Account::made();
    (account, Gateway::start(door).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_runs_as_the_sessions_account() {
    let (account, gateway) = gateway().await;
    let done = output(gateway.ssh(&[], &["id -un; echo to-stderr >&2; exit 3"])).await;
    assert_eq!((texts(&done), done.status.code()), ((account.name.clone(), "to-stderr".to_owned()), Some(3)));
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    let seen = &gateway.door.seen;
    assert_eq!((seen.started.load(SeqCst), seen.closed.load(SeqCst)), (1, 1));
}

/// Many MB in both directions at once, through a program that gives back what it takes: nothing is lost, added or held up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_pass_exactly_in_both_directions_at_once() {
    let (_account, gateway) = gateway().await;
    let size = 48 * 1024 * 1024;
    let mut bytes = vec![0; size];
    getrandom::fill(&mut bytes).unwrap();
    let mut command = gateway.ssh(&[], &["cat"]);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let sending = tokio::spawn(async move { stdin.write_all(&sent).await });
    let done = crate::programs::end(child).await;
    sending.await.unwrap().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.stdout == bytes, "{} of {size} bytes came back", done.stdout.len());
}

/// SECURITY-CASES 46: of the variables that a client sends only those of the language arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_harmless_variables_arrive() {
    let (_account, gateway) = gateway().await;
    let set = ["-o", "SetEnv=LC_MAYFLY=yes LC_lower=no BASH_ENV=/tmp/x MAYFLY=no LANG=de_DE.UTF-8"];
    let printed = printed(output(gateway.ssh(&set, &["env"])).await);
    assert!(printed.contains("LC_MAYFLY=yes") && printed.contains("LANG=de_DE.UTF-8"), "{printed}");
    assert!(!printed.contains("=no") && !printed.contains("BASH_ENV"), "{printed}");
}

/// A person at a terminal sees what they wait for; whoever runs a command sees its output alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_launch_is_told_in_a_terminal_and_nowhere_else() {
    let (account, mut door) = Account::made();
    door.launch = Duration::from_millis(2500);
    let gateway = Gateway::start(door).await;
    let done = output(gateway.ssh(&[], &["id -un"])).await;
    assert_eq!(texts(&done), (account.name.clone(), String::new()));
    let mut shell = gateway.ssh(&["-tt"], &[]);
    shell.stdin(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"id -un; exit 7\n").await.unwrap();
    let done = crate::programs::end(child).await;
    let said = String::from_utf8_lossy(&done.stdout).replace('\r', "");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "mayfly: making the session on orders ready …");
    let greeting = format!("mayfly: connected to orders as {} for 60 minutes", account.name);
    assert_eq!(lines[1], greeting);
    assert!(lines.contains(&account.name.as_str()), "{said}");
    assert_eq!(done.status.code(), Some(7));
}

/// A terminal has the client's size, and learns when that changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_has_the_clients_size_and_follows_it() {
    let (_account, gateway) = gateway().await;
    let script = r#"
import fcntl, os, pty, signal, struct, sys, termios, time
def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
pid, fd = pty.fork()
if pid == 0:
    size(0, 31, 97)
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
def until(text):
    global seen
    while text not in seen:
        seen += os.read(fd, 4096)
until(b"mayfly: connected")
until(b"$ ")
os.write(fd, b"stty size; echo TERM=$TERM; tty\r")
until(b"31 97"); until(b"TERM=xterm-test"); until(b"/dev/pts/")
size(fd, 44, 132)
os.kill(pid, signal.SIGWINCH)
os.write(fd, b"until stty size | grep 44; do sleep 0.1; done\r")
until(b"44 132")
os.write(fd, b"sleep 1000\r")
time.sleep(0.5)
os.write(fd, b"\x03")
os.write(fd, b"echo st''ill there\r")
until(b"still there")
os.write(fd, b"exit 5\r")
try:
    while os.read(fd, 4096): pass
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    let ssh = gateway.ssh(&[], &[]);
    let mut python = gateway.program("/usr/bin/python3");
    python.env("TERM", "xterm-test").arg("-c").arg(script).arg("ssh").args(ssh.as_std().get_args());
    let done = output(python).await;
    assert_eq!(done.status.code(), Some(5), "{done:?}");
}

/// The exit status of a program that closes its output first arrives all the same, though a client that shares its connection closes
/// the channel at the end of the output.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_comes_after_the_output_arrives() {
    let (_account, gateway) = gateway().await;
    let control = format!("ControlPath={}", gateway.file("control").display());
    let mut master = gateway.ssh(&["-M", "-N", "-o", &control], &[]).spawn().unwrap();
    crate::gateway::eventually("the master", || gateway.file("control").exists()).await;
    let done = output(gateway.ssh(&["-o", &control], &["echo out; exec >&- 2>&-; sleep 0.3; exit 7"])).await;
    assert_eq!(texts(&done), ("out".to_owned(), String::new()));
    assert_eq!(done.status.code(), Some(7));
    master.kill().await.unwrap();
}

/// Many commands at once on one connection, each with its own input, output and status.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_share_one_connection() {
    let (_account, gateway) = gateway().await;
    let control = format!("ControlPath={}", gateway.file("control").display());
    let mut master = gateway.ssh(&["-M", "-N", "-o", &control], &[]).spawn().unwrap();
    crate::gateway::eventually("the master", || gateway.file("control").exists()).await;
    let mut running = Vec::new();
    for n in 0..9 {
        let command = format!("cat; echo {n}; echo error {n} >&2; exit {n}");
        let mut ssh = gateway.ssh(&["-o", &control], &[&command]);
        ssh.stdin(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        running.push(tokio::spawn(async move {
            stdin.write_all(&vec![b'a' + n; 1_000_000]).await.unwrap();
            drop(stdin);
            (n, crate::programs::end(child).await)
        }));
    }
    for task in running {
        let (n, done) = task.await.unwrap();
        let expected = [vec![b'a' + n; 1_000_000], format!("{n}\n").into_bytes()].concat();
        assert!(done.stdout == expected, "{n}: {} bytes", done.stdout.len());
        assert_eq!(String::from_utf8_lossy(&done.stderr), format!("error {n}\n"));
        assert_eq!(done.status.code(), Some(n.into()));
    }
    assert_eq!(gateway.door.seen.joined.load(SeqCst), 1);
    master.kill().await.unwrap();
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
}

/// New keys in the middle of a transfer change nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_are_exchanged_in_between() {
    let (_account, gateway) = gateway().await;
    let done = output(gateway.ssh(&["-v", "-o", "RekeyLimit=1M"], &["head -c 8000000 /dev/zero"])).await;
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(log.matches("SSH2_MSG_NEWKEYS received").count() > 3, "{log}");
    assert_eq!((done.stdout.len(), done.status.code()), (8_000_000, Some(0)));
}

/// The id that the guard hears is that of the process of sshd which serves the connection, as the provider looks for it;
/// an account that runs no commands has none, and may be used all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_native_id_is_the_targets_process() {
    let (account, gateway) = gateway().await;
    let script = "s=$(cat /proc/$PPID/stat); set -- ${s##*) }; echo $PPID@${20}";
    let said = printed(output(gateway.ssh(&[], &[script])).await);
    let native = gateway.door.seen.native_ids.lock().unwrap().clone();
    assert_eq!(native.len(), 1);
    assert_eq!(native[0].split('#').next().unwrap(), said);

    let sftp_only = format!("Match User {}\n  ForceCommand internal-sftp\n", account.name);
    super::gateway::host().write(&format!("/etc/ssh/sshd_config.d/{}.conf", account.name), sftp_only, 0o644).unwrap();
    super::gateway::host().run(&["sh", "-c", "pkill -HUP -o -x sshd; sleep 0.5"]).unwrap();
    std::fs::write(gateway.file("batch"), "ls /etc/passwd\n").unwrap();
    let sftp = gateway.copy("sftp", &["-o", "BatchMode=no", "-b", "batch", &gateway.remote("")]);
    assert!(printed(output(sftp).await).contains("/etc/passwd"));
    assert_eq!(gateway.door.seen.native_ids.lock().unwrap().len(), 1);
    assert_eq!(gateway.door.seen.started.load(SeqCst), 2);
}

/// A client that asks again and again whether we are there is answered, and a quiet session lasts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keep_alives_are_answered() {
    let (_account, gateway) = gateway().await;
    let alive = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"];
    let done = output(gateway.ssh(&alive, &["sleep 4; echo awake"])).await;
    assert_eq!((texts(&done).0.as_str(), done.status.code()), ("awake", Some(0)), "{done:?}");
}
