//! The base roots of hosts: Debian 12 with what a session needs, built once with mmdebstrap and kept in the cache.
//!
//! Packages come from where the machine's own come from, with its own settings of proxies and the like.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::Flavour;
use crate::{cache, command};

/// The release whose packages are installed.
pub(crate) const RELEASE: &str = "bookworm";

/// What both flavours have beside the essential packages.
const PACKAGES: &[&str] = &[
    "openssh-server",
    "sudo",
    "passwd",
    "login",
    "procps",
    "cron",
    "at",
    "iproute2",
    "rsync",
    "git",
    "python3",
    "acl",
];

/// What a host with systemd has besides.
const SYSTEMD_PACKAGES: &[&str] = &["systemd-sysv", "libpam-systemd", "dbus", "dbus-user-session"];

/// Nobody reads these on a host.
pub(crate) const LEFT_OUT: &[&str] =
    &["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"];

/// The last step, inside the new root.
const FINISH: &str = include_str!("base.sh");

/// A build takes 40 s on two processors of 2025, and longer where the packages come from far away.
const BUILD_DEADLINE: Duration = Duration::from_secs(900);

/// The base root of a flavour; built if it is not in the cache.
pub(super) fn directory(flavour: Flavour) -> Result<PathBuf> {
    let mut packages = PACKAGES.to_vec();
    if flavour == Flavour::Systemd {
        packages.extend(SYSTEMD_PACKAGES);
    }
    let name = format!("host-{}-{}", flavour.name(), key(&packages));
    let kept = cache::get(&name, |work| build(work, &packages))?;
    Ok(kept.join("root"))
}

/// Changes with everything that the root is made of.
fn key(packages: &[&str]) -> String {
    let recipe = [RELEASE, &packages.join(" "), &LEFT_OUT.join(" "), FINISH].join("\n");
    Sha256::digest(recipe).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn build(work: &Path, packages: &[&str]) -> Result<PathBuf> {
    let sources = sources()?;
    // A folder around the root that only root may enter: the root has programs that run as their owner.
    let made = work.join("made");
    fs::create_dir(&made).context("cannot make a directory for the base root")?;
    fs::set_permissions(&made, fs::Permissions::from_mode(0o700))?;
    let settings = work.join("apt.conf");
    fs::write(&settings, apt_settings()?).context("cannot write apt's settings")?;
    let finish = work.join("finish.sh");
    fs::write(&finish, format!("#!/bin/sh\n{FINISH}")).context("cannot write the last step")?;
    fs::set_permissions(&finish, fs::Permissions::from_mode(0o755))?;

    // What it mounts goes with its processes: were it killed, a later `rm -r` of the cache would else reach /dev and /sys.
    let mut build = Command::new("unshare");
    build.args(["--mount", "--propagation=private", "mmdebstrap"]);
    build.args(["--mode=root", "--format=directory", "--variant=minbase", "--dpkgopt=force-unsafe-io"]);
    build.arg(format!("--include={}", packages.join(",")));
    build.args(LEFT_OUT.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
    build.arg(format!("--aptopt={}", settings.display()));
    build.arg(format!("--customize-hook={}", finish.display()));
    build.arg(RELEASE).arg(made.join("root")).args(sources);
    command::output(&build, BUILD_DEADLINE).context("cannot build the base root of hosts")?;
    Ok(made)
}

/// The files in which the machine's apt finds the release.
pub(crate) fn sources() -> Result<BTreeSet<String>> {
    let mut query = Command::new("apt-get");
    // Also of sources whose lists were never fetched.
    query.args([
        "indextargets",
        "--no-release-info",
        "--format",
        "$(SOURCESENTRY)|$(RELEASE)|$(COMPONENT)",
        "Created-By: Packages",
    ]);
    let listed = command::output(&query, Duration::from_secs(30)).context("cannot ask apt for its sources")?;
    let found = files_of(&listed);
    ensure!(!found.is_empty(), "apt has no source of Debian's {RELEASE}, which hosts are made of");
    Ok(found)
}

/// Of lines `file:line|release|component` the files that have the release, its updates or its security fixes.
fn files_of(listed: &str) -> BTreeSet<String> {
    let of_release = |line: &&str| {
        let mut fields = line.split('|').skip(1);
        let release = fields.next().and_then(|release| release.strip_prefix(RELEASE));
        matches!(release, Some("" | "-updates" | "-security" | "/updates")) && fields.next() == Some("main")
    };
    let files = listed.lines().filter(of_release).filter_map(|line| line.split('|').next()?.rsplit_once(':'));
    files.map(|(file, _)| file.to_owned()).collect()
}

/// The machine's settings of how packages are reached.
pub(crate) fn apt_settings() -> Result<String> {
    let dump = command::output(Command::new("apt-config").arg("dump"), Duration::from_secs(30))?;
    Ok(reaching(&dump))
}

fn reaching(dump: &str) -> String {
    let kinds = ["http", "https", "Check-", "Retries", "ForceIPv"];
    let wanted = |line: &&str| {
        line.strip_prefix("Acquire::").is_some_and(|option| kinds.iter().any(|kind| option.starts_with(kind)))
    };
    dump.lines().filter(wanted).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_list_is_another_root() {
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
        assert_ne!(key(&["a", "b"]), key(&["a"]));
    }

    #[test]
    fn only_debians_own_sources_are_taken() {
        let listed = "/etc/apt/sources.list.d/debian.sources:1|bookworm|main\n\
                      /etc/apt/sources.list.d/debian.sources:2|bookworm-security|main\n\
                      /etc/apt/sources.list:3|bookworm-updates|main\n\
                      /etc/apt/sources.list.d/other.list:1|bookworm|stable\n\
                      /etc/apt/sources.list.d/pgdg.list:1|bookworm-pgdg|main\n";
        let files: Vec<String> = files_of(listed).into_iter().collect();
        assert_eq!(files, ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"]);
    }

    #[test]
    fn proxies_are_taken_over_and_nothing_else() {
        let dump = "APT \"\";\nAcquire::http::Proxy \"http://proxy:1\";\nAcquire::Languages \"none\";\n\
                    Acquire::Check-Valid-Until \"false\";\n";
        let expected = "Acquire::http::Proxy \"http://proxy:1\";\nAcquire::Check-Valid-Until \"false\";\n";
        assert_eq!(reaching(dump), expected);
    }
}
