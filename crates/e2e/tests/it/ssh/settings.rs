//! What a machine record says of accounts and of the administrative credential holds, and what cannot hold is refused when it is saved.

use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::{ADMIN, MachineRecord};
use mayfly_testbed::host::Flavour;

const SECRET: &str = "correct horse battery staple";

/// The record with a line more in its `spec`, or with another `rotation`.
fn record(world: &MachineWorld, from: &str, to: &str) -> String {
    let yaml = MachineRecord::new("web01").yaml(&world.host).unwrap();
    assert!(yaml.contains(from), "{yaml}");
    yaml.replacen(from, to, 1)
}

#[test]
fn accounts_are_as_the_record_says() {
    let world = MachineWorld::new(Flavour::Plain, "mkdir -p /srv; chmod 1777 /srv").unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    let with = |accounts: &str| record(&world, "  jit:", &format!("  accounts: {{{accounts}}}\n  jit:"));
    for (bad, told) in [
        ("id_least: 5", "`id_least` and `id_most` are a range"),
        ("id_least: 80000, id_most: 70000", "`id_least` and `id_most` are a range"),
        ("shell: bash", "`shell` is not a plain absolute path"),
        ("swept: [\"/tmp/*\"]", "`swept` is not a list of plain absolute paths"),
        ("swept: []", "`swept` is not a list of plain absolute paths"),
    ] {
        let refused = world.installation.run_with(&["apply", "-f", "-"], &with(bad)).unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("Machine/web01") && said.contains(told), "{bad}: {said}");
    }
    let good = with("id_least: 70000, id_most: 70009, shell: /bin/sh, swept: [/tmp, /srv]");
    world.installation.must(&["apply", "-f", "-"], &good).unwrap();
    let seen = world
        .run("alice", "web01", "id -u; id -g; getent passwd \"$(id -un)\" | cut -d: -f7; touch /srv/left")
        .unwrap();
    assert!(seen.starts_with("70000\n70000\n/bin/sh"), "{seen}");
    world.as_before("a session with settings of its own").unwrap();
}

#[test]
fn a_password_administers_only_where_the_record_says_so() {
    let world = MachineWorld::new(Flavour::Plain, &format!("echo '{ADMIN}:{SECRET}' | chpasswd")).unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    let set = || world.installation.run_with(&["secret", "set", "web01-admin", "--secret-file", "-"], SECRET).unwrap();
    let refused = set();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("rotation.password: true") && !said.contains(SECRET), "{said}");
    assert!(world.run("alice", "web01", "true").is_ok(), "the key is the secret still");

    let allowed = record(&world, "port: 22}", "port: 22, password: true}");
    world.installation.must(&["apply", "-f", "-"], &allowed).unwrap();
    let taken = set();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    world.host.run(&["rm", &format!("/home/{ADMIN}/.ssh/authorized_keys")]).unwrap();
    let check = |words: &str| {
        let output = world.installation.run(&["record", "check", "web01"]).unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.contains(words), "{said}");
    };
    check("the host answers as");

    // A record that is changed back does without it at once.
    world.installation.must(&["apply", "-f", "-"], &MachineRecord::new("web01").yaml(&world.host).unwrap()).unwrap();
    check("rotation.password: true");
}
