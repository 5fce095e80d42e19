//! What a person may do before they leave: processes that detach, scheduled work, files in other places, IPC, traps in the
//! home, a way in of their own. The host is as it was all the same.

use super::on_both;
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::{MachineWorld, wait};
use mayfly_testbed::host::Flavour;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

on_both!(what_a_person_leaves_goes, what_root_started_for_them_goes, an_account_that_a_false_tool_keeps_is_owed);

/// The ledger knows which ids were given, also when the host does not any more.
#[test]
fn no_id_is_given_twice_when_the_host_has_lost_its_note() {
    let world = MachineWorld::new(Flavour::Plain, "").unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    let id = || world.run("alice", "web01", "id -u").unwrap().parse::<u32>().unwrap();
    let first = id();
    world.as_before("the first one").unwrap();
    world.host.run(&["rm", "-r", "/var/lib/mayfly"]).unwrap();
    assert_eq!(id(), first + 1);
}

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

/// As the person with `sudo`: tools that say that they have done their work and have not.
const FALSE: &str = "
for tool in userdel groupdel; do
    sudo -n mv /usr/sbin/$tool /usr/sbin/$tool.kept
    printf '#!/bin/sh\\nexit 0\\n' | sudo -n tee /usr/sbin/$tool > /dev/null
    sudo -n chmod 755 /usr/sbin/$tool
done
id -un
";
const TRUE: &str = "for tool in userdel groupdel; do mv /usr/sbin/$tool.kept /usr/sbin/$tool; done";

fn an_account_that_a_false_tool_keeps_is_owed(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let record = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    let account = world.run("alice", "web01", FALSE).unwrap();
    let failed = || Ok(!world.installation.events("account.removal_failed")?.is_empty());
    wait::until("the removal is seen to have failed", LIMIT, failed).unwrap();
    let reason = world.installation.events("account.removal_failed").unwrap()[0]["reason"].to_string();
    assert!(reason.contains("userdel says that it has done its work and has not"), "{reason}");
    let owed = world.installation.owed().unwrap();
    let change = owed.iter().find(|change| change["kind"] == "account").unwrap();
    assert_eq!((&change["account"], &change["can_log_in"]), (&account.as_str().into(), &false.into()), "{owed:?}");
    assert!(world.host.run(&["id", &account]).is_ok());
    assert!(world.installation.events("account.removed").unwrap().is_empty());
    world.host.shell(TRUE).unwrap();
    world.installation.run(&["cleanup", "retry", change["id"].as_str().unwrap()]).unwrap();
    world.as_before("an account that was owed, and tools that are true again,").unwrap();
}
