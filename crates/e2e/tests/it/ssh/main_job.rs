//! One session of each kind, from OpenSSH's client to the host and away again.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::MachineRecord;
use mayfly_testbed::host::Flavour;

on_both!(an_account_comes_and_goes, an_account_in_sudo_is_root_without_a_password);

fn an_account_comes_and_goes(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    let account = world.run("alice", "web01", "id -un").unwrap();
    assert!(account.starts_with("keeper_"), "{account}");
    let refused = world.ssh("alice", "web01", &["sudo -n true"]).output().unwrap();
    assert!(!refused.status.success(), "an account without a group has no rights");
    world.as_before("two commands").unwrap();
    assert_eq!(
        world.run("alice", "web01", "exit 7; true").unwrap_err().to_string().lines().next(),
        Some("exit status: 7: ")
    );
    world.as_before("a command that failed").unwrap();
}

fn an_account_in_sudo_is_root_without_a_password(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let record = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    assert_eq!(world.run("alice", "web01", "sudo -n id -u; id -Gn | tr ' ' '\\n' | grep -x sudo").unwrap(), "0\nsudo");
    world.as_before("a session with sudo").unwrap();
}
