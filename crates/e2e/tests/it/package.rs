//! The Debian package on a host with systemd: installed, set up by its own words, started, restarted when it is killed, and
//! removed with everything of value left.

use mayfly_testbed::host::{Flavour, Host, Options};
use mayfly_testbed::scratch;
use std::process::Command;

fn built() -> Vec<u8> {
    let here = std::env::current_exe().unwrap();
    let beside = |name: &str| {
        let found = here.ancestors().skip(1).take(3).map(|folder| folder.join(name)).find(|path| path.is_file());
        found.unwrap_or_else(|| panic!("{name} is not built: run `cargo build -p mayfly -p xtask` first"))
    };
    let folder = scratch::directory("deb").unwrap();
    let mut xtask = Command::new(beside("xtask"));
    let output = xtask.arg("deb").arg("--binary").arg(beside("mayfly")).arg("--output").arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let package = String::from_utf8(output.stdout).unwrap();
    let content = std::fs::read(package.trim()).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    content
}

/// Settings are read again at a reload. Those that cannot be used make it fail with their words, and change nothing.
fn reloads(host: &Host) {
    let pid = || host.shell("systemctl show -p MainPID --value mayfly").unwrap();
    let before = pid();
    let logged = |text: &str| {
        let look = format!("journalctl --no-pager -u mayfly | grep -qF '{text}'");
        host.shell(&format!("for i in $(seq 100); do {look} && exit 0; sleep 0.1; done; exit 1")).unwrap();
    };
    host.shell("mkdir /etc/mayfly/conf.d && echo 'log.level = \"debug\"' > /etc/mayfly/conf.d/log.toml && systemctl reload mayfly").unwrap();
    logged("The settings were read again");
    host.shell("echo 'log.levle = 1' > /etc/mayfly/conf.d/log.toml && ! systemctl reload mayfly").unwrap();
    logged("conf.d/log.toml cannot be used: line 1: there is no setting `log.levle`: did you mean `level`?");
    host.shell("rm /etc/mayfly/conf.d/log.toml && systemctl reload mayfly && systemctl is-active --quiet mayfly")
        .unwrap();
    assert_eq!(pid(), before);
}

#[test]
fn the_package_runs_the_server_and_leaves_what_is_of_value() {
    let host = Host::start(Options::new(Flavour::Systemd)).unwrap();
    host.write("/root-mayfly.deb", built(), 0o644).unwrap();
    host.shell("dpkg -i /root-mayfly.deb").unwrap();
    // Not set up yet: nothing is started, and that is no failure.
    host.shell("systemctl start mayfly; ! systemctl is-active --quiet mayfly; ! systemctl is-failed --quiet mayfly")
        .unwrap();
    host.shell(
        "mayfly server init --host localhost --recovery-key-file /var/tmp/recovery-key && systemctl enable --now mayfly",
    )
    .unwrap();
    let status = host.shell("mayfly -o json status").unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((status["ready"].as_bool(), status["administrator"].as_bool()), (Some(true), Some(true)), "{status}");
    let owner = host.shell("ps -o user= -p $(systemctl show -p MainPID --value mayfly)").unwrap();
    assert_eq!(owner.trim(), "mayfly");
    host.shell("printf 'kind: Person\\nname: alice\\nspec: {}\\n' | mayfly apply -f -").unwrap();
    // Killed, it comes back by itself, with what was written down.
    host.shell("systemctl kill -s KILL mayfly").unwrap();
    let back =
        "for i in $(seq 100); do mayfly -o name ls 2> /dev/null | grep -qx alice && exit 0; sleep 0.2; done; exit 1";
    host.shell(back).unwrap();
    reloads(&host);
    // The end of the log, as systemd keeps it, is in what is handed to those who help.
    let bundle =
        "mayfly support bundle /var/tmp/bundle.tar.gz && tar -xzOf /var/tmp/bundle.tar.gz --wildcards '*/log.txt'";
    assert!(host.shell(bundle).unwrap().contains("Serving"));
    let exposure = host.shell("systemd-analyze security --no-pager mayfly | tail -n 1 || :").unwrap();
    assert!(!exposure.contains("UNSAFE") && !exposure.contains("EXPOSED"), "{exposure}");
    let listed = host.shell("dpkg-deb -c /root-mayfly.deb").unwrap();
    for path in [
        "usr/share/man/man1/mayfly-record-check.1.gz",
        "bash-completion/completions/mayfly",
        "doc/mayfly/linux.md",
        "doc/mayfly/alerts.yml",
        "doc/mayfly/drills/key-lost.md",
    ] {
        assert!(listed.contains(path), "{path}: {listed}");
    }
    host.shell("dpkg -r mayfly; ! systemctl is-active --quiet mayfly").unwrap();
    host.shell("test -f /etc/mayfly/master.key && test -f /var/lib/mayfly/mayfly.db").unwrap();
    // Installed again, it goes on where it was.
    host.shell("dpkg -i /root-mayfly.deb && systemctl enable --now mayfly").unwrap();
    assert_eq!(host.shell("mayfly -o name ls").unwrap(), "alice\n");
}
