//! One session of each kind, from OpenSSH's client to the host and away again.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::objects::PASSWORD;
use mayfly_testbed::host::Flavour;
use std::process::Stdio;

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
    the_command_line_gets_there_by_password(&world);
    world.as_before("sessions by `mayfly ssh` and `mayfly scp`").unwrap();
}

/// The real ssh and scp, run by `mayfly` with a connect secret that they ask for.
fn the_command_line_gets_there_by_password(world: &MachineWorld) {
    // What is kept for a person goes to a home of this test's own.
    let home = world.installation.directory();
    let password = home.join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let run = |arguments: &[&str]| {
        world.installation.command().unwrap().args(arguments).env("HOME", home).stdin(Stdio::null()).output().unwrap()
    };
    let by_password = |verb: &str, arguments: &[&str]| {
        run(&[&[verb, "--person", "alice", "--password-file", password.to_str().unwrap()], arguments].concat())
    };
    let ended = by_password("ssh", &["web01", "--", "id -un; exit 5"]);
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("keeper_"), "{ended:?}");
    let copy = home.join("copied");
    let ended = by_password("scp", &["web01:/etc/hostname", copy.to_str().unwrap()]);
    assert!(ended.status.success(), "{ended:?}");
    assert_ne!(std::fs::read_to_string(copy).unwrap(), "");
    let by_key =
        ["ssh", "--person", "alice", "--own-key", "web01", "--", "-i", world.key.path().to_str().unwrap(), "id -un"];
    let ended = run(&by_key);
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("keeper_"), "{ended:?}");
}

fn an_account_in_sudo_is_root_without_a_password(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let record = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    assert_eq!(world.run("alice", "web01", "sudo -n id -u; id -Gn | tr ' ' '\\n' | grep -x sudo").unwrap(), "0\nsudo");
    world.as_before("a session with sudo").unwrap();
}
