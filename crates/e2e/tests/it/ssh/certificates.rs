//! A host that trusts the record's authority, by the lines that `record check` prints: sessions come in by a certificate, and no
//! key ever stands there.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::MachineRecord;
use mayfly_testbed::host::Flavour;

on_both!(a_host_that_trusts_the_authority_holds_no_key, ports_are_forwarded_where_the_record_allows_it);

/// What the check of a record found, by level.
fn findings(world: &MachineWorld, level: &str) -> Vec<String> {
    let output = world.installation.run(&["-o", "json", "record", "check", "web01"]).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_level = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == level);
    of_level.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect()
}

fn a_host_that_trusts_the_authority_holds_no_key(flavour: Flavour) {
    let mut world = MachineWorld::new(flavour, "useradd -m -s /bin/bash carol").unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    world.trust_authority("web01").unwrap();

    let script =
        "id -un; find / -xdev -name '*authorized_keys*' -user \"$(id -u)\" 2> /dev/null; ls -A ~/.ssh 2> /dev/null";
    let account = world.run("alice", "web01", &format!("{script}; true")).unwrap();
    assert!(account.starts_with("keeper_") && account.lines().count() == 1, "{account}");
    world.as_before("a session by certificate").unwrap();
    let trail = world.installation.json(&["audit", "tail", "-n", "all"]).unwrap();
    let started = trail["items"].as_array().unwrap().iter().find(|event| event["kind"] == "session.started").unwrap();
    let session = started["session"].as_str().unwrap();
    let log = world.host.log().unwrap();
    let accepted = log.lines().find(|line| line.contains(&format!("Accepted publickey for {account}"))).unwrap();
    assert!(accepted.contains("ED25519-CERT") && accepted.contains(&format!("ID {session}")), "{accepted}");

    let good = findings(&world, "ok");
    assert!(good.iter().any(|what| what.contains("does not open root, mayfly, carol")), "{good:#?}");
    world.host.shell("sed -i '1i TrustedUserCAKeys /etc/ssh/mayfly_authorities.pub' /etc/ssh/sshd_config").unwrap();
    world.reload_sshd().unwrap();
    let loud = findings(&world, "excess");
    assert!(loud.iter().any(|what| what.contains("opens root, mayfly, carol too")), "{loud:#?}");
}

/// What an administrator forgets most easily: the settings are written, and the sshd that runs has not read them.
#[test]
fn a_host_that_has_not_read_its_settings_is_named() {
    let mut world = MachineWorld::new(Flavour::Plain, "").unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    world.write_authority("web01").unwrap();
    let refused = world.run("alice", "web01", "true").unwrap_err().to_string();
    assert!(refused.contains("sshd has to be told to read them again"), "{refused}");
    world.as_before("a certificate that was refused").unwrap();
    world.reload_sshd().unwrap();
    assert!(world.run("alice", "web01", "id -un").unwrap().starts_with("keeper_"));
    world.as_before("a session by certificate").unwrap();
}

fn ports_are_forwarded_where_the_record_allows_it(flavour: Flavour) {
    let mut world = MachineWorld::new(flavour, "").unwrap();
    let connection = "protocol: ssh, forwarding: [\"127.0.0.1:22\"]";
    let record = MachineRecord { connection, ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    // sshd itself is what answers at the other end of the forwarding.
    let forwarded = |world: &MachineWorld, to: &str| {
        let output = world.ssh("alice", "web01", &["-W", to]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).starts_with("SSH-2.0-OpenSSH")
    };
    for way in ["key", "certificate"] {
        assert!(forwarded(&world, "127.0.0.1:22"), "by {way}:\n{}", world.installation.log());
        assert!(!forwarded(&world, "127.0.0.1:23"), "by {way}");
        world.as_before(way).unwrap();
        if way == "key" {
            world.trust_authority("web01").unwrap();
        }
    }
}
