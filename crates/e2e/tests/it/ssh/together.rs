//! Several at once: eight people on one host, and one person whose connections share a session.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::{MachineRecord, describe};
use mayfly_testbed::host::Flavour;
use std::collections::BTreeSet;
use std::process::{Child, Stdio};

on_both!(eight_people_at_once_are_eight_accounts);

const PEOPLE: [&str; 8] = ["alice", "bob", "carol", "dan", "eve", "fred", "gina", "hal"];

fn eight_people_at_once_are_eight_accounts(flavour: Flavour) {
    let world = MachineWorld::new(flavour, "").unwrap();
    let _running = world.serve(&PEOPLE, &[MachineRecord::new("web01")], None).unwrap();
    // Each comes twice: both connections are one session and one account.
    let spawn = |person: &&str| -> Child {
        let mut command = world.ssh(person, "web01", &["id -un; id -u; sleep 3"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let visits: Vec<Child> = PEOPLE.iter().chain(&PEOPLE).map(spawn).collect();
    let mut seen = BTreeSet::new();
    for visit in visits {
        let output = visit.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{}", describe(&output), world.installation.log());
        seen.insert(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(seen.len(), PEOPLE.len(), "{seen:?}");
    let ids: BTreeSet<_> = seen.iter().map(|text| text.lines().nth(1).unwrap()).collect();
    assert_eq!(ids.len(), PEOPLE.len(), "every account has an id of its own");
    world.as_before("eight people").unwrap();
}
