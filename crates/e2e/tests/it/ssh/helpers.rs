//! The way that the documentation recommends: what `record install-helpers` prints is run on the host as root, and from then on
//! the administrative key can do nothing but what Mayfly needs.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::MachineRecord;
use mayfly_testbed::host::Flavour;

on_both!(a_host_is_limited_to_the_helper_and_serves);

/// The findings of a check, as level and sentence, with the lines that help.
fn findings(world: &MachineWorld) -> Vec<(String, String)> {
    let output = world.installation.run(&["-o", "json", "record", "check", "web01"]).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |finding: &serde_json::Value| {
        let fix: Vec<&str> = finding["fix"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let what = format!("{}\n{}", finding["what"].as_str().unwrap(), fix.join("\n"));
        (finding["level"].as_str().unwrap().to_owned(), what)
    };
    answer["findings"].as_array().unwrap().iter().map(of).collect()
}

fn level<'a>(findings: &'a [(String, String)], words: &str) -> Option<&'a str> {
    findings.iter().find(|(_, what)| what.contains(words)).map(|(level, _)| level.as_str())
}

fn a_host_is_limited_to_the_helper_and_serves(flavour: Flavour) {
    let mut world = MachineWorld::new(flavour, "").unwrap();
    let record = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    let before = findings(&world);
    assert_eq!(level(&before, "mayfly record install-helpers web01 | ssh "), Some("excess"), "{before:#?}");

    let script = world.installation.must(&["record", "install-helpers", "web01"], "").unwrap();
    world.host.write("/run/install.sh", &script, 0o600).unwrap();
    let said = world.host.shell("sh < /run/install.sh 2>&1; rm /run/install.sh").unwrap();
    assert!(said.contains("sudo lets mayfly do more than that"), "{said}");
    let more = findings(&world);
    assert_eq!(level(&more, "sudo lets mayfly do more than run the helper"), Some("excess"), "{more:#?}");
    world.host.run(&["rm", "/etc/sudoers.d/mayfly"]).unwrap();
    let after = findings(&world);
    assert_eq!(level(&after, "mayfly may run the helper and nothing else"), Some("ok"), "{after:#?}");
    assert_eq!(level(&after, "install-helpers"), None, "{after:#?}");

    world.host.run(&["useradd", "-m", "deploy"]).unwrap();
    world.note().unwrap();
    assert_eq!(world.run("alice", "web01", "sudo -n id -u").unwrap(), "0");
    world.as_before("a session by the helper").unwrap();

    // A record that wants more than the helper takes opens nothing, and says what to do.
    let lifted = MachineRecord { launch: Some("deploy"), elevate: Some("adm"), ..MachineRecord::new("web01") };
    world.installation.must(&["apply", "-f", "-"], &lifted.yaml(&world.host).unwrap()).unwrap();
    let unlisted = findings(&world);
    assert_eq!(level(&unlisted, "group adm"), Some("missing"), "{unlisted:#?}");
    let refused = world.ssh("alice", "web01", &["true"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("install-helpers"), "{said}");
    let script = world.installation.must(&["record", "install-helpers", "web01"], "").unwrap();
    assert!(script.contains("\ngroup adm\n") && !script.contains("\ngroup sudo\n"));
    world.host.write("/run/install.sh", &script, 0o600).unwrap();
    world.host.shell("sh < /run/install.sh; rm /run/install.sh").unwrap();
    let conf = world.host.shell("cat /etc/mayfly/helper.conf").unwrap();
    assert!(conf.contains("\ngroup adm\n") && conf.trim_end().ends_with(" deploy"), "{conf}");
    let taken = findings(&world);
    assert_eq!(level(&taken, "install-helpers"), None, "{taken:#?}");
}
