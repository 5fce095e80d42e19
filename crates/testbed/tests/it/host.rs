//! Disposable hosts: getting in, cutting the line, what a snapshot notices, and that nothing of them is left.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mayfly_testbed::host::{Flavour, Host, Options};

use crate::eventually;

/// A key pair in a directory of its own, for the real client.
struct Key {
    folder: tempfile::TempDir,
}

impl Key {
    fn generate() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
        assert!(made.success());
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn public(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("key.pub")).unwrap()
    }

    /// Runs a command on the host with OpenSSH's client, which knows the host's key and no other.
    fn ssh(&self, host: &Host, user: &str, script: &str) -> Output {
        let known = self.folder.path().join("known_hosts");
        std::fs::write(&known, format!("{} {}\n", host.address(), host.host_key().unwrap().openssh)).unwrap();
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=5"]);
        ssh.args(["-o", "IdentitiesOnly=yes", "-o", "ServerAliveInterval=0"]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known.display()));
        ssh.arg("-i").arg(self.path()).arg(format!("{user}@{}", host.address())).arg(script);
        ssh.stdin(Stdio::null()).output().unwrap()
    }
}

fn start(flavour: Flavour) -> Host {
    Host::start(Options::new(flavour)).unwrap()
}

fn text(done: &Output) -> String {
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout.clone()).unwrap()
}

#[test]
fn the_real_client_gets_in_as_root_and_as_an_administrator() {
    for flavour in Flavour::ALL {
        let host = start(flavour);
        let key = Key::generate();
        host.authorize_root(&key.public()).unwrap();
        host.create_admin("mayfly", &key.public()).unwrap();
        assert_eq!(text(&key.ssh(&host, "root", "hostname; id -u")), format!("{}\n0\n", host.name()));
        assert_eq!(text(&key.ssh(&host, "mayfly", "id -un; sudo -n id -u")), "mayfly\n0\n");
        assert!(host.log().unwrap().contains("Accepted publickey for mayfly"), "{}", host.log().unwrap());
        let stranger = Key::generate();
        assert!(!stranger.ssh(&host, "root", "true").status.success());
        let fingerprint = host.host_key().unwrap().fingerprint;
        assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
    }
}

#[test]
fn a_host_has_what_sessions_use() {
    for flavour in Flavour::ALL {
        let host = start(flavour);
        let script = "for tool in rsync git python3 crontab at visudo sftp; do command -v $tool > /dev/null; done\n\
                      for name in stdin stdout stderr fd shm mqueue pts/ptmx; do test -e /dev/$name; done\n\
                      test -d /run/systemd/system && echo systemd || echo plain";
        let expected = if flavour == Flavour::Systemd { "systemd\n" } else { "plain\n" };
        assert_eq!(host.shell(script).unwrap(), expected);
        // They go on starting by themselves once they are started.
        eventually("cron and at", || host.shell("pgrep -x cron > /dev/null; pgrep -x atd > /dev/null").is_ok());
        // What nobody waits for any more is buried.
        host.shell("setsid sh -c 'sleep 0.1 & exec true' < /dev/null > /dev/null 2>&1").unwrap();
        eventually("the end of all zombies", || host.shell("ps axo stat= | grep -c ^Z || :").unwrap() == "0\n");
    }
}

#[test]
fn commands_and_files_go_in_as_they_are() {
    let host = start(Flavour::Plain);
    let odd = "a 'b' \"c\" $(d)\n\\";
    assert_eq!(host.run(&["printf", "%s", odd]).unwrap(), odd);
    host.write("/etc/odd file", [0, 255, 10], 0o4751).unwrap();
    assert_eq!(host.run(&["stat", "-c", "%a %U %s", "/etc/odd file"]).unwrap(), "4751 root 3\n");
    assert_eq!(host.shell("pwd; echo $HOME; env | wc -l").unwrap(), "/\n/root\n4\n");
    assert_eq!(host.output(&["sh", "-c", "exit 3"]).unwrap().status.code(), Some(3));
    let refused = host.shell("echo why >&2; false; echo not reached").unwrap_err().to_string();
    assert!(refused.contains("why"), "{refused}");
    assert!(!Path::new("/etc/odd file").exists(), "the machine's own files are not the host's");
}

#[test]
fn a_snapshot_is_the_same_when_nothing_was_done_but_administrate() {
    for flavour in Flavour::ALL {
        let host = start(flavour);
        let key = Key::generate();
        host.authorize_root(&key.public()).unwrap();
        host.create_admin("mayfly", &key.public()).unwrap();
        // What only the first log-in of an account ever does.
        text(&key.ssh(&host, "mayfly", "sudo -n true"));
        let before = host.snapshot().unwrap();
        assert!(before.lines().count() > 5_000, "{before:?}");
        assert_eq!(before.diff(&host.snapshot().unwrap()), "");
        // An account comes and goes, by way of an administrator who is logged in during both snapshots.
        let mut logged_in = Command::new("ssh");
        logged_in.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]);
        logged_in.args(["-o", "UserKnownHostsFile=/dev/null", "-i"]).arg(key.path());
        logged_in.arg(format!("mayfly@{}", host.address())).arg("sudo -n sh -c 'touch /run/in; exec sleep 600'");
        let mut logged_in = logged_in.stdin(Stdio::null()).spawn().unwrap();
        eventually("the log-in", || host.output(&["rm", "/run/in"]).unwrap().status.success());
        assert_eq!(before.diff(&host.snapshot().unwrap()), "");
        let made = text(&key.ssh(&host, "mayfly", "sudo -n useradd -m -u 2000 alice && id -u alice"));
        assert_eq!(made, "2000\n");
        text(&key.ssh(&host, "mayfly", "sudo -n userdel -r alice 2> /dev/null || test $? = 12"));
        assert_eq!(before.diff(&host.snapshot().unwrap()), "");
        logged_in.kill().unwrap();
        logged_in.wait().unwrap();
    }
}

/// A script of each kind of thing that a session could leave behind, and words that one line of the difference then has.
const LEFTOVERS: &[(&str, &[&str])] = &[
    ("useradd -m -u 2000 alice", &["+ passwd", "alice", "/home/alice"]),
    ("id -u alice", &["+ shadow", "alice:!"]),
    ("id -u alice", &["+ gshadow", "alice"]),
    ("id -u alice", &["+ subuid", "alice"]),
    ("id -u alice", &["+ file", "/home/alice/.profile", "owner 2000:2000"]),
    ("gpasswd -a alice sudo", &["+ group", "sudo", "alice"]),
    ("echo '* * * * * true' | crontab -u alice -", &["+ file", "/var/spool/cron/crontabs/alice"]),
    ("su alice -c 'echo true | at tomorrow' 2> /dev/null", &["+ file", "/var/spool/cron/atjobs/"]),
    ("su alice -c 'touch /tmp/left'", &["+ file", "/tmp/left", "owner 2000:2000"]),
    ("su alice -c 'touch /var/tmp/left'", &["+ file", "/var/tmp/left"]),
    ("su alice -c 'touch /dev/shm/left'", &["+ file", "/dev/shm/left"]),
    ("su alice -c 'mkdir /run/lock/left'", &["+ file", "/run/lock/left", "directory"]),
    ("su alice -c 'ipcmk -M 8 -Q -S 1' > /dev/null", &["+ ipc", "shm", "uid 2000"]),
    ("id -u alice", &["+ ipc", "sem", "uid 2000"]),
    ("id -u alice", &["+ ipc", "msg", "uid 2000"]),
    ("echo x > /var/mail/alice", &["+ file", "/var/mail/alice"]),
    ("echo 'alice ALL=(ALL) ALL' > /etc/sudoers.d/alice", &["+ file", "/etc/sudoers.d/alice"]),
    ("echo 'Port 2222' > /etc/ssh/sshd_config.d/left.conf", &["+ file", "/etc/ssh/sshd_config.d/left.conf"]),
    ("mkdir -p ~root/.ssh; echo key >> ~root/.ssh/authorized_keys", &["+ file", "/.ssh/authorized_keys", "owner 0:0"]),
    ("cp /bin/sh /usr/local/bin/left; chmod 4755 /usr/local/bin/left", &["+ file", "/usr/local/bin/left", "mode 4755"]),
    ("setfacl -m u:2000:rw /etc/fstab", &["+ file", "/etc/fstab", "system.posix_acl_access"]),
    ("cp /usr/sbin/userdel /tmp/u; cp /tmp/u /usr/sbin/userdel", &["+ file", "/usr/sbin/userdel", "bytes at"]),
    (
        "mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/alice",
        &["+ file", "/var/lib/systemd/linger/alice"],
    ),
    ("setsid su alice -c 'sleep 601' < /dev/null > /dev/null 2>&1 &", &["+ process", "sleep 601", "user 2000"]),
    ("setsid -f sleep 602 < /dev/null > /dev/null 2>&1", &["+ process", "sleep", "user 0", "nobody's"]),
    ("mount -t tmpfs tmpfs /mnt", &["+ mount", "/mnt tmpfs"]),
    (
        "setsid -f python3 -c 'import socket, time; s = socket.create_server((\"\", 4444)); time.sleep(600)' \
         < /dev/null > /dev/null 2>&1; sleep 1",
        &["+ listens", "tcp", "4444"],
    ),
];

#[test]
fn a_snapshot_notices_every_kind_of_thing_that_is_left() {
    for flavour in Flavour::ALL {
        let host = start(flavour);
        let before = host.snapshot().unwrap();
        for (script, words) in LEFTOVERS {
            host.shell(script).unwrap();
            eventually(&format!("{script}: a line with {words:?}"), || {
                let found = before.diff(&host.snapshot().unwrap());
                found.lines().any(|line| line.starts_with(words[0]) && words.iter().all(|word| line.contains(word)))
            });
        }
    }
}

#[test]
fn what_sudo_started_is_known_by_who_logged_in() {
    for flavour in Flavour::ALL {
        let host = start(flavour);
        let key = Key::generate();
        // The first account is the administrator's, the second a person's.
        host.create_admin("mayfly", &key.public()).unwrap();
        host.shell("useradd -m -u 2000 alice; install -d -o alice /home/alice/.ssh").unwrap();
        host.write("/home/alice/.ssh/authorized_keys", key.public(), 0o644).unwrap();
        host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n", 0o440).unwrap();
        let before = host.snapshot().unwrap();
        for user in ["mayfly", "alice"] {
            text(&key.ssh(&host, user, "sudo -n setsid -f sleep 603 < /dev/null > /dev/null 2>&1"));
        }
        eventually("one process of the person's", || {
            let found = before.diff(&host.snapshot().unwrap());
            let left: Vec<&str> = found.lines().filter(|line| line.contains("sleep")).collect();
            left == ["+ process | sleep user 0 group 0 log-in 2000"]
        });
    }
}

#[test]
fn a_cut_line_loses_everything_and_comes_back() {
    let host = start(Flavour::Plain);
    let key = Key::generate();
    host.authorize_root(&key.public()).unwrap();
    assert!(key.ssh(&host, "root", "true").status.success());
    let mut long = Command::new("ssh");
    long.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]);
    long.args(["-o", "UserKnownHostsFile=/dev/null", "-i"]).arg(key.path());
    long.arg(format!("root@{}", host.address()))
        .arg("touch /run/in; while [ ! -e /run/out ]; do sleep 0.1; done; echo said");
    let long = long.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    eventually("the log-in", || host.output(&["test", "-e", "/run/in"]).unwrap().status.success());

    host.link_down().unwrap();
    let address = std::net::SocketAddr::from((host.address(), 22));
    assert!(std::net::TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_err());
    assert!(host.shell("echo still there").is_ok(), "the host itself goes on");
    host.shell("touch /run/out").unwrap();
    host.link_up().unwrap();
    assert_eq!(text(&long.wait_with_output().unwrap()), "said\n", "a connection outlives a cut");
    assert!(key.ssh(&host, "root", "true").status.success());
}

#[test]
fn hosts_beside_each_other_share_nothing() {
    for flavour in Flavour::ALL {
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| start(flavour));
            (start(flavour), other.join().unwrap())
        });
        assert_ne!(first.address(), second.address());
        assert_ne!(first.name(), second.name());
        assert_ne!(first.host_key().unwrap(), second.host_key().unwrap());
        let id = |host: &Host| host.run(&["cat", "/etc/machine-id"]).unwrap();
        assert_ne!(id(&first), id(&second));
        first.run(&["useradd", "-m", "alice"]).unwrap();
        assert!(!second.output(&["id", "alice"]).unwrap().status.success());
        drop(first);
        assert_eq!(second.run(&["echo", "there"]).unwrap(), "there\n");
        let key = Key::generate();
        second.authorize_root(&key.public()).unwrap();
        assert!(key.ssh(&second, "root", "true").status.success());
    }
}

/// The machine's interface, control groups and scratch directory of a host.
fn traces(of: &str) -> Vec<String> {
    let interface = of.replace("host", "mf");
    let links = Command::new("ip").args(["-oneline", "link"]).output().unwrap();
    let links = String::from_utf8(links.stdout).unwrap();
    let mut traces: Vec<String> =
        links.lines().filter(|l| l.contains(&format!(" {interface}@"))).map(str::to_owned).collect();
    let groups = Command::new("find").args(["/sys/fs/cgroup", "-name", &format!("mayfly-{of}")]).output().unwrap();
    traces.extend(String::from_utf8(groups.stdout).unwrap().lines().map(str::to_owned));
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap() {
        let folder = entry.unwrap().path();
        let last = std::fs::read_to_string(folder.join("last.sh")).unwrap_or_default();
        if last.contains(&format!(" {interface} ")) {
            traces.push(folder.display().to_string());
        }
    }
    traces
}

#[test]
fn nothing_of_a_dropped_host_is_left() {
    for flavour in Flavour::ALL {
        let host = start(flavour);
        let (name, pid) = (host.name().to_owned(), host.pid());
        host.shell("setsid -f sleep 600 < /dev/null > /dev/null 2>&1").unwrap();
        // The interface, the scratch directory, and with systemd the control groups.
        assert!(traces(&name).len() >= 2);
        drop(host);
        assert_eq!(traces(&name), Vec::<String>::new());
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}

/// A process of its own that holds a host, and the host's name.
fn holder(flavour: &str) -> (std::process::Child, String) {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_mayfly-testbed"))
        .args(["host", flavour])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (holder, line.split(' ').next().unwrap().to_owned())
}

#[test]
fn a_host_ends_with_the_process_that_started_it_however_that_ends() {
    for flavour in ["plain", "systemd"] {
        let (mut holder, name) = holder(flavour);
        assert!(!traces(&name).is_empty());
        // SIGKILL: no destructor runs.
        holder.kill().unwrap();
        holder.wait().unwrap();
        eventually("the end of the host", || traces(&name).is_empty());
    }
}

#[test]
fn what_even_the_watchdog_could_not_clean_up_the_next_start_does() {
    for flavour in ["plain", "systemd"] {
        let (mut holder, name) = holder(flavour);
        let id = holder.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let is_watchdog = |child: &&str| {
            let command = std::fs::read(format!("/proc/{child}/cmdline")).unwrap();
            String::from_utf8_lossy(&command).contains("mayfly-watchdog")
        };
        let watchdog = children.split_whitespace().find(is_watchdog).unwrap();
        assert!(Command::new("kill").args(["-KILL", watchdog]).status().unwrap().success());
        let state = format!("/proc/{watchdog}/stat");
        // Its parent, which does not wait for it, keeps it as a zombie.
        eventually("the watchdog's end", || std::fs::read_to_string(&state).map_or(true, |stat| stat.contains(") Z ")));
        assert!(!traces(&name).is_empty(), "with its watchdog gone the host stays");
        holder.kill().unwrap();
        holder.wait().unwrap();

        let other = start(Flavour::Plain);
        // The first to look has cleaned up; when that was another test at the same time, it may still be at it.
        eventually("the end of what was left", || traces(&name).is_empty());
        assert_eq!(other.run(&["echo", "there"]).unwrap(), "there\n");
    }
}
