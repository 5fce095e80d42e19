//! Ansible, as it comes, against ten hosts: it knows nothing of Mayfly but a user name, a port and a key. Each host has one session
//! with one account, however many tasks there are, since Ansible keeps its connections; when it lets go of them, all are clean.

use mayfly_e2e::machine::{self, MachineRecord, describe};
use mayfly_e2e::{Installation, MachineWorld, wait};
use mayfly_testbed::host::Flavour;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const HOSTS: [&str; 10] = ["web0", "web1", "web2", "web3", "web4", "web5", "web6", "web7", "web8", "web9"];

const PLAYBOOK: &str = r#"
- hosts: all
  gather_facts: false
  tasks:
    - command: id -un
      register: account
    - copy: {src: large, dest: /tmp/large, mode: "0600"}
    - template: {src: motd.j2, dest: /etc/motd.d/site, mode: "0644"}
      become: true
    - command: sleep 1
      async: 30
      poll: 1
    - file: {path: /etc/motd.d/site, state: touch}
      become: true
      changed_when: true
"#;

/// What the playbook has changed on a host, and what undoes it, so that the rest of the host can be compared.
const CHANGED: &str = "cat /etc/motd.d/site; stat -c '%U %a %s' /etc/motd.d/site; stat -c %s /tmp/large";
const UNDONE: &str = "rm /etc/motd.d/site";

fn lay_out(folder: &Path, world: &MachineWorld, port: u16) {
    let common = world.options().join(" ");
    let mut inventory = String::from("[all:vars]\nansible_host=localhost\n");
    let _ = writeln!(inventory, "ansible_port={port}\nansible_ssh_common_args='{common}'");
    // Ansible takes the user name for that of the account when it looks for its home, and would not find its jobs there.
    let _ = writeln!(inventory, "ansible_async_dir=.ansible_async\nansible_python_interpreter=/usr/bin/python3\n[all]");
    for host in HOSTS {
        let _ = writeln!(inventory, "{host} ansible_user=alice~{host}");
    }
    std::fs::create_dir_all(folder).unwrap();
    let files = [
        ("inventory", inventory.as_str()),
        ("play.yaml", PLAYBOOK),
        ("motd.j2", "this is {{ inventory_hostname }}, set up by {{ account.stdout }}\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    std::fs::write(folder.join("large"), vec![b'x'; 2_000_000]).unwrap();
}

fn ansible(folder: &Path) -> Command {
    let mut command = Command::new("ansible-playbook");
    command.current_dir(folder).args(["-i", "inventory", "-f", "10", "play.yaml"]).stdin(Stdio::null());
    // Its own files stay in the folder, the sockets of the connections that it keeps too; all else is as it comes.
    command.env("HOME", folder).env("ANSIBLE_LOCAL_TEMP", folder.join("tmp"));
    command.env("ANSIBLE_SSH_CONTROL_PATH_DIR", folder.join("cp")).env("LC_ALL", "C.UTF-8");
    command
}

/// Ends the connections that Ansible keeps for a minute.
fn let_go(folder: &Path) -> usize {
    let sockets: Vec<_> = std::fs::read_dir(folder.join("cp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for socket in &sockets {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-O", "exit", "-o"]).arg(format!("ControlPath={}", socket.display())).arg("localhost");
        let output = ssh.output().unwrap();
        assert!(output.status.success(), "{}", describe(&output));
    }
    sockets.len()
}

#[test]
fn a_playbook_changes_ten_hosts_and_leaves_only_that() {
    let installation = Arc::new(Installation::init().unwrap());
    let worlds: Vec<MachineWorld> = std::thread::scope(|scope| {
        let start = || MachineWorld::of(&installation, Flavour::Plain, "mkdir /etc/motd.d").unwrap();
        // The first alone, since it makes the keys and, on a new machine, what hosts are made of.
        let first = start();
        let rest: Vec<_> = HOSTS[1..].iter().map(|_| scope.spawn(start)).collect();
        std::iter::once(first).chain(rest.into_iter().map(|host| host.join().unwrap())).collect()
    });
    let _running = installation.start().unwrap();
    let record = |name| MachineRecord { elevate: Some("sudo"), ..MachineRecord::new(name) };
    let records: Vec<_> = worlds.iter().zip(HOSTS).map(|(world, name)| (world, record(name))).collect();
    machine::apply(&["alice"], &records, &[], None).unwrap();

    let folder = installation.directory().join("play");
    lay_out(&folder, &worlds[0], installation.ssh_port);
    let output = ansible(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}\n{said}\n{}", describe(&output), installation.log());
    let sessions = installation.sessions().unwrap();
    let accounts: BTreeSet<&str> = sessions.iter().map(|session| session["account"].as_str().unwrap()).collect();
    assert_eq!((sessions.len(), accounts.len()), (HOSTS.len(), HOSTS.len()), "one on each host: {sessions:?}");
    assert_eq!(installation.events("session.started").unwrap().len(), HOSTS.len(), "and none before it");
    for (world, host) in worlds.iter().zip(HOSTS) {
        let recap = said.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == host);
        let counts: Vec<&str> =
            recap.map(|(_, counts)| counts.split_whitespace().take(4).collect()).unwrap_or_default();
        assert_eq!(counts, ["ok=5", "changed=5", "unreachable=0", "failed=0"], "{said}");
        let changed = world.host.shell(CHANGED).unwrap();
        let mut lines = changed.lines();
        let account = lines.next().unwrap().strip_prefix(&format!("this is {host}, set up by ")).unwrap().to_owned();
        assert!(accounts.contains(account.as_str()), "{account}");
        assert!(lines.next().unwrap().starts_with("root 644 "), "{changed}");
        assert_eq!(lines.next(), Some("2000000"));
    }

    assert_eq!(let_go(&folder), HOSTS.len());
    wait::until("the sessions end", Duration::from_secs(60), || Ok(installation.sessions()?.is_empty())).unwrap();
    for (world, host) in worlds.iter().zip(HOSTS) {
        world.host.shell(UNDONE).unwrap();
        world.as_before(&format!("a playbook on {host}")).unwrap();
    }
    assert_eq!(installation.events("session.started").unwrap().len(), HOSTS.len());
}
