//! The line to the host is cut when the account has to go, and the server is killed: everything is gone soon after the return.

use super::on_both;
use mayfly_e2e::machine::{self, MachineRecord};
use mayfly_e2e::{MachineWorld, wait};
use mayfly_testbed::host::Flavour;
use std::process::{Child, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
/// The issue's own limit for the time after the line has come back.
const RETURNED: Duration = Duration::from_secs(30);

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
    let other = MachineWorld::of(&world.installation, flavour, "").unwrap();
    let _running = world.installation.start().unwrap();
    let records = [(&world, MachineRecord::new("web01")), (&other, MachineRecord::new("web02"))];
    machine::apply(&["alice", "bob"], &records, &[], None).unwrap();
    let (mut alice, mut bob) = (world.open("alice", "web01").unwrap(), world.open("bob", "web01").unwrap());
    let (hers, his) = (alice.query("id -un").unwrap(), bob.query("id -un").unwrap());
    let sessions = world.installation.sessions().unwrap();
    let id = sessions.iter().find(|session| session["person"] == "alice").unwrap()["id"].as_str().unwrap();
    world.host.link_down().unwrap();
    let ended = world.installation.run(&["sessions", "end", id, "--reason", "the line is cut"]).unwrap();
    assert!(!ended.status.success(), "it is not gone yet, and the answer says so");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("can still log in: not known"), "{said}");
    let sessions = world.installation.sessions().unwrap();
    assert_eq!(sessions.iter().find(|session| session["id"] == id).unwrap()["state"], "ending");
    // The answer waited for no attempt at the host.
    let owed = world.installation.owed().unwrap();
    let waiting = |change: &serde_json::Value| change["can_log_in"] != false && change["tries"] == 0;
    assert!(!owed.is_empty() && owed.iter().all(waiting), "{owed:?}");
    wait::until("alice is cut all the same", LIMIT, || alice.has_ended()).unwrap();
    // Elsewhere sessions come and go meanwhile.
    assert!(other.run("alice", "web02", "id -un").unwrap().starts_with("keeper_"));
    wait::until("she has left the other host", LIMIT, || Ok(on_the_host(&other)? == 0)).unwrap();
    world.host.link_up().unwrap();
    let is_there = |account: &str| Ok(world.host.run(&["cat", "/etc/passwd"])?.contains(&format!("{account}:")));
    wait::until("her account is gone", RETURNED, || is_there(&hers).map(|there| !there)).unwrap();
    assert_eq!(bob.query("id -un").unwrap(), his, "whoever else was on the host goes on");
    bob.leave().unwrap();
    world.as_before("a line that was cut").unwrap();
    other.as_before("a line to another host that was cut").unwrap();
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
