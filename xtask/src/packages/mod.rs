//! The system packages that the tests need: which are missing, and installing them without touching what runs on the
//! machine.
//!
//! Installing needs root. As another user the command starts itself once more through `sudo -n`; where that is not
//! possible either it refuses, with the list and the command for somebody who may.

mod apt;
mod held;

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::process;
use crate::signals::Interrupted;

/// What `cargo xtask packages` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only say what is missing and what for.
    #[arg(long)]
    list: bool,
    /// Only these of them; all that are needed when none is named.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(names()))]
    only: Vec<String>,
}

/// One system package, and what for.
struct Package {
    name: &'static str,
    purpose: &'static str,
}

/// What the tests need. PostgreSQL's contrib modules are part of the server's package.
const NEEDED: &[Package] = &[
    Package { name: "postgresql-15", purpose: "the server that tests run sessions on" },
    Package { name: "postgresql-client-15", purpose: "psql, pgbench and pg_dump as real clients" },
    Package { name: "pgbouncer", purpose: "what the broker's speed is compared with" },
    Package { name: "mariadb-server-core", purpose: "a server that tests run sessions on; it brings no service" },
    Package { name: "mariadb-client-core", purpose: "mariadb as a real client" },
    Package { name: "mariadb-client", purpose: "mariadb-dump and mariadb-slap as real clients" },
    Package { name: "curl", purpose: "a real client of the API" },
    Package { name: "prometheus", purpose: "promtool, which checks the alert rules" },
    Package { name: "rsyslog", purpose: "a receiver of the audit trail that is not ours" },
    Package { name: "rsyslog-gnutls", purpose: "that receiver's TLS" },
    Package { name: "openssl", purpose: "certificates of the test servers" },
    Package {
        name: "python3-pip",
        purpose: "fetches the fuzzer of the API, a decoder of traces and a client of SQL Server, which Debian does not have",
    },
    Package { name: "freetds-bin", purpose: "tsql as a real client of SQL Server" },
    Package { name: "python3-psycopg2", purpose: "a real client from another language" },
    Package { name: "util-linux", purpose: "setpriv: test servers do not run as root; namespaces of disposable hosts" },
    Package { name: "faketime", purpose: "a target whose clock is off" },
    Package { name: "procps", purpose: "ps: looking for what was left behind" },
    Package { name: "mmdebstrap", purpose: "builds what disposable Linux hosts are made of" },
    Package { name: "systemd-container", purpose: "nspawn: disposable hosts with systemd" },
    Package { name: "podman", purpose: "builds the container image and runs it" },
    Package { name: "crun", purpose: "what podman runs containers with" },
    Package { name: "iproute2", purpose: "ip: the network of disposable hosts" },
    Package { name: "mount", purpose: "the file systems of disposable hosts" },
    Package { name: "e2fsprogs", purpose: "mke2fs: a disk that is full and that fails" },
    Package { name: "busybox-static", purpose: "another POSIX shell, for disposable hosts" },
    Package { name: "openssh-client", purpose: "ssh, scp and sftp as real clients" },
    Package { name: "git", purpose: "a real client that speaks over ssh" },
    Package { name: "rsync", purpose: "a real client that speaks over ssh" },
    Package { name: "sqlite3", purpose: "reads a store without any code of ours" },
    Package { name: "strace", purpose: "kills a program at a chosen system call" },
    Package { name: "ansible-core", purpose: "ansible-playbook as a real client that speaks over ssh" },
];

/// Where no npm is on the path, which may come from elsewhere than Debian.
const NEEDED_FOR_NPM: &[Package] = &[
    Package { name: "nodejs", purpose: "unpacks the newer PostgreSQL" },
    Package { name: "npm", purpose: "fetches the newer PostgreSQL, which Debian 12 does not have" },
];

fn names() -> impl Iterator<Item = &'static str> {
    NEEDED.iter().chain(NEEDED_FOR_NPM).map(|package| package.name)
}

/// How this process may install.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// It is root.
    Root,
    /// `sudo -n` works.
    Sudo,
    /// Neither.
    None,
}

/// `cargo xtask packages`.
///
/// # Errors
/// When packages are missing and cannot be installed.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let missing = if options.only.is_empty() { missing()? } else { missing_of(&options.only)? };
    if !options.list {
        install_these(&missing, &Interrupted::watch()?)?;
        return Ok(true);
    }
    for package in &missing {
        println!("{}: {}", package.name, package.purpose);
    }
    Ok(missing.is_empty())
}

/// Installs what is missing; does nothing when nothing is.
///
/// # Errors
/// When this user may not install, when apt fails, or when the command is interrupted. Whatever was changed on the
/// machine meanwhile has been put back.
pub(crate) fn install(interrupted: &Interrupted) -> anyhow::Result<()> {
    install_these(&missing()?, interrupted)
}

/// Installs what is missing of the named packages.
///
/// # Errors
/// As [`install`].
pub(crate) fn install_only(names: &[&str], interrupted: &Interrupted) -> anyhow::Result<()> {
    install_these(&missing_of(names)?, interrupted)
}

fn install_these(missing: &[&Package], interrupted: &Interrupted) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    println!("system packages that are missing:");
    for package in missing {
        println!("  {}: {}", package.name, package.purpose);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let own = std::env::current_exe().context("cannot find this program")?;
    match way(is_root()?, || process::quietly(Command::new("sudo").args(["-n", "true"]))) {
        Way::Root => apt::install(&names, interrupted)?,
        Way::Sudo => {
            let done = process::succeeds(Command::new("sudo").arg("-n").arg(&own).arg("packages").args(&names))?;
            interrupted.check()?;
            anyhow::ensure!(done, "installing through sudo failed");
        }
        Way::None => anyhow::bail!("{}", refusal(&names, &own)),
    }
    let left: Vec<&str> = self::missing_of(&names)?.iter().map(|package| package.name).collect();
    anyhow::ensure!(left.is_empty(), "still missing after installing: {}", left.join(" "));
    Ok(())
}

fn way(root: bool, sudo: impl FnOnce() -> bool) -> Way {
    if root {
        Way::Root
    } else if sudo() {
        Way::Sudo
    } else {
        Way::None
    }
}

fn refusal(names: &[&str], own: &Path) -> String {
    format!(
        "packages are missing and this user may not install them: {list}\n\
         to install them without starting or reconfiguring a service, run:\n  sudo {own} packages {list}\n\
         or, on a machine where a default PostgreSQL cluster may be made and started:\n  \
         sudo apt-get install --no-install-recommends {list}",
        list = names.join(" "),
        own = own.display()
    )
}

/// Whether this runs as root.
///
/// # Errors
/// When `id` cannot be run.
pub(crate) fn is_root() -> anyhow::Result<bool> {
    Ok(process::printed(Command::new("id").arg("-u"))?.trim() == "0")
}

/// Everything needed that is missing.
fn missing() -> anyhow::Result<Vec<&'static Package>> {
    Ok(missing_from(&listing()?, process::on_path("npm")))
}

/// Those of the named packages that are missing. The names are given where root's path may lack an npm that ours has.
fn missing_of<S: AsRef<str>>(only: &[S]) -> anyhow::Result<Vec<&'static Package>> {
    let mut missing = missing_from(&listing()?, false);
    missing.retain(|package| only.iter().any(|name| name.as_ref() == package.name));
    Ok(missing)
}

fn listing() -> anyhow::Result<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"]).args(names());
    process::printed(&mut query).context("this is not a Debian system: dpkg-query is missing")
}

/// What the listing, lines of `package status`, does not show as installed.
fn missing_from(listing: &str, npm: bool) -> Vec<&'static Package> {
    let installed: Vec<&str> = listing.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    let for_npm = if npm { &[][..] } else { NEEDED_FOR_NPM };
    NEEDED.iter().chain(for_npm).filter(|package| !installed.contains(&package.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listing: &str, npm: bool) -> Vec<&'static str> {
        missing_from(listing, npm).into_iter().map(|package| package.name).collect()
    }

    fn listing(without: &[&str]) -> String {
        let present = NEEDED.iter().filter(|package| !without.contains(&package.name));
        present.map(|package| format!("{} installed\n", package.name)).collect()
    }

    #[test]
    fn only_installed_counts_as_there() {
        assert!(names(&listing(&[]), true).is_empty());
        assert_eq!(names(&listing(&["pgbouncer"]), true), ["pgbouncer"]);
        let removed = listing(&["pgbouncer"]) + "pgbouncer config-files\n";
        assert_eq!(names(&removed, true), ["pgbouncer"]);
        assert_eq!(names("", true).len(), NEEDED.len());
    }

    #[test]
    fn an_npm_from_anywhere_will_do() {
        assert_eq!(names(&listing(&[]), false), ["nodejs", "npm"]);
        let both = listing(&[]) + "nodejs installed\nnpm installed\n";
        assert!(names(&both, false).is_empty());
    }

    #[test]
    fn root_asks_no_sudo() {
        assert_eq!(way(true, || unreachable!("root needs no sudo")), Way::Root);
        assert_eq!(way(false, || true), Way::Sudo);
        assert_eq!(way(false, || false), Way::None);
    }

    #[test]
    fn a_refusal_names_the_list_and_the_command() {
        let text = refusal(&["pgbouncer", "npm"], Path::new("/t/xtask"));
        assert!(text.contains("install them: pgbouncer npm"), "{text}");
        assert!(text.contains("sudo /t/xtask packages pgbouncer npm"), "{text}");
        assert!(text.contains("apt-get install --no-install-recommends pgbouncer npm"), "{text}");
    }
}
