//! The line to the host is cut when the account has to go, and the server is killed: everything is gone soon after the return.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::wait;
use mayfly_testbed::host::Flavour;
use std::process::{Child, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

on_both!(a_line_that_is_cut_keeps_nothing_for_good, a_server_that_is_killed_leaves_nothing);

/// Somebody who is on the host and stays.
fn stays(world: &MachineWorld, person: &str) -> Child {
    let mut command = world.ssh(person, "web01", &["echo here; sleep 1000"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait::until(&format!("{person} is on the host"), LIMIT, || Ok(on_the_host(world)? > 0)).unwrap();
    child
}

fn on_the_host(world: &MachineWorld) -> anyhow::Result<usize> {
    Ok(world.host.shell("grep -c '^keeper_' /etc/passwd || true")?.trim().parse()?)
}

fn a_line_that_is_cut_keeps_nothing_for_good(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    let mut alice = stays(&world, "alice");
    world.host.link_down().unwrap();
    let sessions = world.installation.json(&["sessions", "ls"]).unwrap();
    let id = sessions["items"][0]["id"].as_str().unwrap();
    let ended = world.installation.run(&["sessions", "end", id, "--reason", "the line is cut"]).unwrap();
    assert!(!ended.status.success(), "it is not gone yet, and the answer says so");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("can still log in: not known"), "{said}");
    let sessions = world.installation.json(&["sessions", "ls"]).unwrap();
    assert_eq!(sessions["items"][0]["state"], "ending");
    // The answer waited for no attempt at the host.
    let owed = world.installation.json(&["cleanup", "ls"]).unwrap();
    let owed = owed["items"].as_array().unwrap();
    let waiting = |change: &serde_json::Value| change["can_log_in"] != false && change["tries"] == 0;
    assert!(!owed.is_empty() && owed.iter().all(waiting), "{owed:?}");
    wait::until("alice is cut all the same", LIMIT, || Ok(alice.try_wait()?.is_some())).unwrap();
    world.host.link_up().unwrap();
    world.as_before("a line that was cut").unwrap();
    let owed = world.installation.json(&["cleanup", "ls"]).unwrap();
    assert_eq!(owed["items"].as_array().unwrap().len(), 0);
}

fn a_server_that_is_killed_leaves_nothing(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let record = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let running = world.serve(&["alice", "bob"], &[record], None).unwrap();
    let mut people = [stays(&world, "alice"), stays(&world, "bob")];
    wait::until("both are on the host", LIMIT, || Ok(on_the_host(&world)? == 2)).unwrap();
    drop(running);
    assert_eq!(on_the_host(&world).unwrap(), 2, "nobody has taken them out yet");
    let _again = world.installation.start().unwrap();
    world.as_before("a server that was killed").unwrap();
    for person in &mut people {
        wait::until("they are out", LIMIT, || Ok(person.try_wait()?.is_some())).unwrap();
    }
}
