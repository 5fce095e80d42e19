//! What a person may do before they leave: processes that detach, scheduled work, files in other places, IPC, traps in the
//! home, a way in of their own. The host is as it was all the same.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::MachineRecord;
use mayfly_testbed::host::Flavour;

on_both!(what_a_person_leaves_goes, what_root_started_for_them_goes);

/// As the person, without any right beyond their own.
const OWN: &str = r#"
set -e
(setsid sleep 1000 < /dev/null > /dev/null 2>&1 &)
(sh -c 'trap "" HUP TERM; sleep 1000 & wait' < /dev/null > /dev/null 2>&1 &)
nohup sleep 1000 < /dev/null > /dev/null 2>&1 &
echo '* * * * * touch /tmp/cron-was-here' | crontab -
echo 'touch /tmp/at-was-here' | at now + 1 hour 2> /dev/null
mkdir -p /tmp/mine/deep; echo x > /tmp/mine/deep/file; ln -s /etc /tmp/mine/etc; echo x > "/var/tmp/odd
name"; echo x > /dev/shm/mine; mkfifo /tmp/pipe
ln -s /etc "$HOME/trap"; ln -s / "$HOME/root"
python3 - <<'P'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.shmget(4711, 4096, 0o1666) >= 0
assert libc.semget(4712, 1, 0o1666) >= 0
assert libc.msgget(4713, 0o1666) >= 0
P
id -un
"#;

fn what_a_person_leaves_goes(flavour: Flavour) {
    // Cron and at let everybody in on this host.
    let world = MachineWorld::new(flavour, "rm -f /etc/cron.allow /etc/at.allow; : > /etc/cron.deny; : > /etc/at.deny")
        .unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    let account = world.run("alice", "web01", OWN).unwrap();
    assert!(account.starts_with("keeper_"), "{account}");
    world.as_before("a person who left much").unwrap();
}

/// As the person with `sudo`: root's processes that they started, and files of theirs under owners that are not theirs.
const ROOT: &str = r#"
set -e
sudo -n setsid sh -c 'sleep 1000 < /dev/null > /dev/null 2>&1 &'
sudo -n sh -c "mkdir /var/lib/elsewhere; touch /var/lib/elsewhere/x"
loginctl enable-linger 2> /dev/null || true
sudo -n -k || true
echo "$USER:of my own 5d21" | sudo -n chpasswd
mkdir -p ~/.ssh; echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJ7c3Vt3t2rBC0bOuVmu0P4cA8CTuGoV3dQzDjg0k2c mine" >> ~/.ssh/authorized_keys
sudo -n rm -r /var/lib/elsewhere
"#;

fn what_root_started_for_them_goes(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let record = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    world.run("alice", "web01", ROOT).unwrap();
    world.as_before("a person with sudo").unwrap();
}
