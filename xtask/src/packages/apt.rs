//! Installing with apt as root, while nothing on the machine is started, restarted or reconfigured.
//!
//! * Debian's policy hook forbids every start of a service, unless an administrator's own hook stands there.
//! * postgresql-common comes first and alone, because it brings the settings in which a default cluster is then
//!   switched off for the time in which the server package is configured.
//! * A service that we bring is not started at the next boot either.
//! * needrestart is suspended, and packages that are there are not upgraded by name.

use std::path::Path;
use std::process::{Command, Stdio};

use super::held::Held;
use crate::process;
use crate::signals::Interrupted;

const POLICY_HOOK: &str = "/usr/sbin/policy-rc.d";
const CLUSTER_SETTINGS: &str = "/etc/postgresql-common/createcluster.conf";

/// What a PostgreSQL server package needs before it may be configured.
const FIRST: &str = "postgresql-common";

/// Packages with the units that they enable; one may have a script of System V, under its own name.
const WITH_SERVICE: &[(&str, &[&str])] = &[
    ("pgbouncer", &["pgbouncer.service"]),
    (
        "podman",
        &[
            "podman.service",
            "podman.socket",
            "podman-restart.service",
            "podman-auto-update.service",
            "podman-auto-update.timer",
        ],
    ),
];

/// Installs the packages.
///
/// # Errors
/// When apt fails or the command is interrupted.
pub(super) fn install(names: &[&str], interrupted: &Interrupted) -> anyhow::Result<()> {
    let services = Held::services(Path::new(POLICY_HOOK))?;
    if services.is_none() {
        println!("services are started as {POLICY_HOOK} of this machine decides");
    }
    let server = names.iter().any(|name| brings_cluster(name));
    let mut lists = Lists { refreshed: !all_known(names, known) };
    if lists.refreshed {
        update()?;
    }
    let mut clusters = None;
    if server {
        interrupted.check()?;
        lists.install(&[FIRST], interrupted)?;
        clusters = Some(Held::clusters(Path::new(CLUSTER_SETTINGS))?);
    }
    interrupted.check()?;
    let installed = lists.install(names, interrupted);
    for (service, units) in WITH_SERVICE.iter().filter(|(package, _)| names.contains(package)) {
        not_at_boot(service, units);
    }
    drop(clusters);
    drop(services);
    installed?;
    interrupted.check()
}

/// Whether configuring the package may make a default PostgreSQL cluster.
fn brings_cluster(name: &str) -> bool {
    name.strip_prefix("postgresql-").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit()))
}

fn all_known(names: &[&str], known: impl Fn(&str) -> bool) -> bool {
    names.iter().all(|name| known(name))
}

/// Whether apt's lists have the package.
fn known(name: &str) -> bool {
    process::quietly(Command::new("apt-cache").args(["show", "--no-all-versions", name]))
}

/// Whether apt's lists are fresh. Old lists may name versions that the archive no longer has.
struct Lists {
    refreshed: bool,
}

impl Lists {
    /// Installs; when that fails with lists that may be old, refreshes them and tries once more.
    fn install(&mut self, names: &[&str], interrupted: &Interrupted) -> anyhow::Result<()> {
        if process::succeeds_quietly(&mut command(names))? {
            return Ok(());
        }
        interrupted.check()?;
        anyhow::ensure!(!self.refreshed, "apt-get cannot install {}", names.join(" "));
        self.refreshed = true;
        update()?;
        interrupted.check()?;
        anyhow::ensure!(process::succeeds_quietly(&mut command(names))?, "apt-get cannot install {}", names.join(" "));
        Ok(())
    }
}

fn update() -> anyhow::Result<()> {
    anyhow::ensure!(process::succeeds_quietly(&mut apt_get(&["update"]))?, "apt-get update failed");
    Ok(())
}

fn command(names: &[&str]) -> Command {
    let mut command = apt_get(&["install", "--yes", "--no-install-recommends", "--no-upgrade"]);
    command.args(names);
    command
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet=2").args(arguments).stdin(Stdio::null());
    command.env("DEBIAN_FRONTEND", "noninteractive").env("NEEDRESTART_SUSPEND", "1");
    // Several package runs at a time are common on a machine that has just booted.
    command.args(["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]);
    command
}

/// Takes back what the package did for the next boot. Best effort: a machine without an init system has neither tool.
fn not_at_boot(service: &str, units: &[&str]) {
    // deb-systemd-helper does nothing where no script of a package calls it.
    process::quietly(Command::new("systemctl").args(["--quiet", "disable"]).args(units));
    process::quietly(Command::new("update-rc.d").args([service, "disable"]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_server_packages_bring_a_cluster() {
        assert!(brings_cluster("postgresql-15"));
        assert!(!brings_cluster("postgresql-client-15"));
        assert!(!brings_cluster("pgbouncer"));
    }

    #[test]
    fn lists_are_refreshed_only_for_an_unknown_package() {
        assert!(all_known(&["a", "b"], |_| true));
        assert!(!all_known(&["a", "b"], |name| name == "a"));
    }

    #[test]
    fn apt_asks_nothing_and_restarts_nothing() {
        let command = command(&["x"]);
        let environment: Vec<_> = command.get_envs().collect();
        assert!(environment.contains(&("NEEDRESTART_SUSPEND".as_ref(), Some("1".as_ref()))));
        assert!(environment.contains(&("DEBIAN_FRONTEND".as_ref(), Some("noninteractive".as_ref()))));
        assert!(command.get_args().any(|argument| argument == "--no-install-recommends"));
    }
}
