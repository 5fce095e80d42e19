//! Whom Mayfly believes at a host's address: a key that was pinned, or a certificate of an authority of hosts. Whatever else
//! answers gets nothing, and that it answered is on record.

use mayfly_e2e::machine::{self, Key, MachineRecord, describe};
use mayfly_e2e::{MachineWorld, wait};
use mayfly_testbed::host::Flavour;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// What Mayfly says to somebody who is not let on the host.
fn refusal(world: &MachineWorld, record: &str) -> String {
    let output = world.ssh("alice", record, &["true"]).output().unwrap();
    assert!(!output.status.success(), "{record} was opened\n{}", world.installation.log());
    describe(&output)
}

fn check(world: &MachineWorld) -> String {
    String::from_utf8(world.installation.run(&["record", "check", "web01"]).unwrap().stdout).unwrap()
}

fn changed(world: &MachineWorld) -> Vec<serde_json::Value> {
    world.installation.events("target.identity_changed").unwrap()
}

/// Gives the host a new key, as its installation anew would, and lets go of whoever administers it now.
fn new_key(world: &MachineWorld) -> String {
    let script = "rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
                  pkill -HUP -o -x sshd; pkill -U mayfly -x sshd || :";
    world.host.shell(script).unwrap();
    let fingerprint = world.host.host_key().unwrap().fingerprint;
    let answers = || {
        let scan = Command::new("ssh-keyscan").args(["-t", "ed25519", &world.host.address().to_string()]).output()?;
        Ok(String::from_utf8_lossy(&scan.stdout).contains(&world.host.host_key()?.openssh))
    };
    wait::until("sshd shows the new key", LIMIT, answers).unwrap();
    fingerprint
}

/// Waits until nothing of ours is on the host, of which a key was changed and so more than ours.
fn all_out(world: &MachineWorld) {
    let out = || Ok(world.installation.sessions()?.is_empty() && world.installation.owed()?.is_empty());
    wait::until("every session is out", LIMIT, out).unwrap();
    assert_eq!(world.host.shell("grep -c keeper_ /etc/passwd || :").unwrap(), "0\n");
}

fn set_secret(world: &MachineWorld) {
    let admin = std::fs::read_to_string(world.installation.directory().join("admin")).unwrap();
    world.installation.must(&["secret", "set", "web01-admin", "--secret-file", "-"], &admin).unwrap();
}

#[test]
fn a_changed_key_refuses_and_alerts_until_it_is_pinned() {
    let world = MachineWorld::new(Flavour::Plain, "").unwrap();
    let old = world.host.host_key().unwrap().fingerprint;
    let _running = world.serve(&["alice", "bob"], &[MachineRecord::new("web01")], None).unwrap();
    let mut bob = world.open("bob", "web01").unwrap();
    let account = bob.query("id -un").unwrap();

    // While somebody is on the host it gets another key.
    let new = new_key(&world);
    let refused = refusal(&world, "web01");
    for word in [&old, &new, "mayfly record pin"] {
        assert!(refused.contains(word), "{refused}");
    }
    let events = changed(&world);
    let reason = events[0]["reason"].as_str().unwrap();
    assert_eq!((events.len(), &events[0]["person"]), (1, &"alice".into()), "{events:?}");
    assert!(reason.contains(&old) && reason.contains(&new), "{reason}");
    let checked = check(&world);
    assert!(checked.contains(&new) && checked.contains("mayfly record pin web01"), "{checked}");

    // Nothing is removed on a host that is not known, and that it was met is on record.
    bob.leave().unwrap();
    let met = || Ok(changed(&world).iter().any(|event| event["account"] == account.as_str()));
    wait::until("the removal has met it", LIMIT, met).unwrap();
    let owed = world.installation.owed().unwrap();
    assert_eq!(owed[0]["account"], account.as_str(), "{owed:?}");
    assert!(world.host.run(&["id", &account]).is_ok(), "whoever answers is not touched");

    let wrong = world.installation.run(&["record", "pin", "web01", "--identity", &old]).unwrap();
    assert!(describe(&wrong).contains("nothing was pinned"), "{}", describe(&wrong));
    world.installation.must(&["record", "pin", "web01", "--identity", &new], "").unwrap();
    // The administrative secret was given for the host with the old key.
    assert!(refusal(&world, "web01").contains("mayfly secret set"), "a secret goes nowhere else by itself");
    set_secret(&world);
    assert!(world.run("alice", "web01", "id -un").unwrap().starts_with("keeper_"));
    for change in world.installation.owed().unwrap() {
        // It may be done meanwhile.
        world.installation.run(&["cleanup", "retry", change["id"].as_str().unwrap()]).unwrap();
    }
    wait::until("what was owed is undone", LIMIT, || Ok(world.host.run(&["id", &account]).is_err())).unwrap();
    world.installation.verify_trail().unwrap();
    all_out(&world);
}

/// A machine that is set up anew may keep its old host key; its machine id tells that it is another one.
#[test]
fn another_machine_with_the_old_key_is_refused_until_it_is_pinned() {
    let world = MachineWorld::new(Flavour::Plain, "").unwrap();
    let key = world.host.host_key().unwrap().fingerprint;
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    world.run("alice", "web01", "true").unwrap();
    world.as_before("the first session").unwrap();
    let old = world.host.run(&["cat", "/etc/machine-id"]).unwrap();
    let new = "0123456789abcdef0123456789abcdef";
    world.host.write("/etc/machine-id", format!("{new}\n"), 0o444).unwrap();
    world.host.shell("pkill -U mayfly -x sshd || :").unwrap();

    let refused = refusal(&world, "web01");
    for word in [old.trim(), new, "mayfly record pin web01"] {
        assert!(refused.contains(word), "{refused}");
    }
    assert!(check(&world).contains("another server answers there"), "{}", check(&world));
    let events = changed(&world);
    assert_eq!((events.len(), &events[0]["target"]), (1, &format!("linux:{new}").into()), "{events:?}");
    world.installation.must(&["record", "pin", "web01", "--identity", &key], "").unwrap();
    assert!(world.run("alice", "web01", "id -un").unwrap().starts_with("keeper_"));
    world.host.write("/etc/machine-id", old, 0o444).unwrap();
}

/// An authority of hosts, and what it can sign.
struct Authority<'a> {
    key: Key,
    world: &'a MachineWorld,
}

impl Authority<'_> {
    fn yaml(&self) -> String {
        format!("ca: {{keys: \"{}\"}}", self.key.public().unwrap())
    }

    /// Signs the host's key with these options of `ssh-keygen` and lets sshd show the certificate.
    fn sign(&self, options: &[&str]) {
        let folder = self.world.installation.directory().join("signed");
        std::fs::create_dir_all(&folder).unwrap();
        let public = folder.join("host.pub");
        std::fs::write(&public, format!("{}\n", self.world.host.host_key().unwrap().openssh)).unwrap();
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-s"]).arg(self.key.path()).args(["-I", "web01"]).args(options).arg(&public);
        let signed = keygen.output().unwrap();
        assert!(signed.status.success(), "{}", describe(&signed));
        self.install(&std::fs::read_to_string(folder.join("host-cert.pub")).unwrap());
    }

    fn install(&self, certificate: &str) {
        let host = &self.world.host;
        host.write("/etc/ssh/ssh_host_ed25519_key-cert.pub", certificate, 0o644).unwrap();
        let config = "HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub\n";
        host.write("/etc/ssh/sshd_config.d/20-certificate.conf", config, 0o644).unwrap();
        // Whoever is logged in to administrate is let go of, so that what is shown now is judged.
        host.shell("kill -HUP $(cat /run/sshd.pid); pkill -U mayfly -x sshd || :; sleep 0.3").unwrap();
    }
}

#[test]
fn a_host_is_believed_by_a_certificate_of_its_authority_alone() {
    let world = MachineWorld::new(Flavour::Plain, "").unwrap();
    let folder = world.installation.directory();
    let key = |name: &str| Key::make(Path::new(folder), name).unwrap();
    let ours = Authority { key: key("authority"), world: &world };
    let other = Authority { key: key("other-authority"), world: &world };
    let address = world.host.address().to_string();
    let yaml = ours.yaml();
    let record = MachineRecord { host_key: Some(&yaml), ..MachineRecord::new("web01") };

    ours.sign(&["-h", "-n", &format!("web01,{address}"), "-V", "-5m:+1h"]);
    let _running = world.serve(&["alice"], std::slice::from_ref(&record), None).unwrap();
    assert!(world.run("alice", "web01", "id -un").unwrap().starts_with("keeper_"));
    all_out(&world);
    // A new key that the authority vouches for is the same host.
    new_key(&world);
    ours.sign(&["-h", "-n", &address]);
    assert!(world.run("alice", "web01", "id -un").unwrap().starts_with("keeper_"));
    all_out(&world);

    let certificate = "its certificate is not one that the record's authority gave this host for now";
    let cases: [(&Authority<'_>, &[&str]); 6] = [
        (&ours, &["-h", "-n", "db01"]),
        (&ours, &["-h"]),
        (&ours, &["-h", "-n", &address, "-V", "-2h:-1h"]),
        (&ours, &["-h", "-n", &address, "-V", "+1h:+2h"]),
        (&ours, &["-n", &address]),
        (&other, &["-h", "-n", &address]),
    ];
    for (number, (authority, options)) in cases.iter().enumerate() {
        authority.sign(options);
        let refused = refusal(&world, "web01");
        // Sshd itself does not show a certificate for users as one of its own.
        let bare = "it comes without a certificate of the record's authority";
        assert!(refused.contains(certificate) || refused.contains(bare), "{options:?}: {refused}");
        assert!(refused.contains(&address) && refused.contains("nothing was sent"), "{options:?}: {refused}");
        assert_eq!(changed(&world).len(), number + 1, "{options:?}");
    }
    let checked = check(&world);
    assert!(checked.contains("is refused: ") && !checked.contains("record pin"), "{checked}");
    let pin = world.installation.run(&["record", "pin", "web01", "--identity", "SHA256:x"]).unwrap();
    assert!(describe(&pin).contains("trusts an authority of hosts"), "{}", describe(&pin));
    assert_eq!(world.host.shell("grep -c keeper_ /etc/passwd || :").unwrap(), "0\n");
    // And again one that is good.
    ours.sign(&["-h", "-n", &address]);
    machine::apply(&["alice"], &[(&world, record.clone())], &[], None).unwrap();
    assert!(world.run("alice", "web01", "id -un").unwrap().starts_with("keeper_"));
}
