//! Where the programs of each flavour are, and how MySQL's are fetched: Debian's unstable release has it and the stable
//! ones have not, so its packages are unpacked into the cache, beside the C library that they were built for.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use super::Flavour;
use crate::command::Account;
use crate::{cache, command};

const FETCH_DEADLINE: Duration = Duration::from_secs(300);

/// The packages, and what of theirs is not unpacked: only programs that are not used here want Perl.
const PACKAGES: [&str; 2] = ["mysql-server-core", "mysql-client-core"];
const NOT_UNPACKED: [&str; 4] = ["perl", "libperl", "libgdbm", "libdb5"];

/// A program, and what is given to it before its own arguments.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    before: Vec<OsString>,
}

impl Program {
    fn plain(path: &str) -> Self {
        Self { path: PathBuf::from(path), before: Vec::new() }
    }

    /// A command that runs it as oneself.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.before);
        command
    }

    /// A command that runs it as `account` in `directory`.
    pub(super) fn command_as(&self, account: &Account, directory: &Path) -> Command {
        let mut command = account.command(&self.path, directory);
        command.args(&self.before);
        command
    }
}

/// The programs of a flavour.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// `mariadbd` or `mysqld`.
    pub(super) server: Program,
    /// `mariadb` or `mysql`.
    pub(super) client: Program,
    /// What the server needs to find its own files.
    pub(super) places: Vec<String>,
    /// What tells this version from others in the cache.
    pub(super) version: String,
}

/// The programs of a flavour; MySQL's are fetched if they are not in the cache. Whether they can be is found out once in a
/// process.
pub(super) fn programs(flavour: Flavour) -> Result<Programs> {
    static MARIADB: OnceLock<Result<Programs, String>> = OnceLock::new();
    static MYSQL: OnceLock<Result<Programs, String>> = OnceLock::new();
    let told = |found: Result<Programs>| found.map_err(|error| format!("{error:#}"));
    let known = match flavour {
        Flavour::MariaDb => MARIADB.get_or_init(|| told(mariadb())),
        Flavour::MySql => MYSQL.get_or_init(|| told(mysql())),
    };
    known.clone().map_err(|text| anyhow!(text))
}

/// Another program that comes with the client of a flavour, such as `mysqldump` or `mariadb-slap`, run as oneself.
///
/// # Errors
/// When it is missing.
pub fn tool(flavour: Flavour, name: &str) -> Result<Command> {
    let client = programs(flavour)?.client;
    // A program that a loader starts is the last of what stands before its arguments.
    let (path, before) = match client.before.split_last() {
        None => (client.path.with_file_name(name), Vec::new()),
        Some((last, before)) => {
            let own = PathBuf::from(last).with_file_name(name);
            (client.path, [before, &[own.into_os_string()]].concat())
        }
    };
    let installed = before.last().map_or(path.as_path(), Path::new);
    ensure!(installed.exists(), "{} is missing: install the client of {}", installed.display(), flavour.title());
    Ok(Program { path, before }.command())
}

fn mariadb() -> Result<Programs> {
    let server = Program::plain("/usr/sbin/mariadbd");
    ensure!(server.path.exists(), "/usr/sbin/mariadbd is missing: install mariadb-server-core");
    let version = version_of(&server)?;
    Ok(Programs { server, client: Program::plain("/usr/bin/mariadb"), places: Vec::new(), version })
}

fn mysql() -> Result<Programs> {
    let usr = cache::get("mysql-unstable", |work| {
        fetch(work).context("cannot fetch MySQL")?;
        Ok(work.join("root"))
    })?
    .join("usr");
    let libraries = one_of(&usr.join("lib"), |name| name.ends_with("-linux-gnu"))?;
    let loader = one_of(&libraries, |name| name.starts_with("ld-linux-"))?;
    let program = |path: &str| Program {
        path: loader.clone(),
        before: vec!["--library-path".into(), libraries.clone().into(), usr.join(path).into()],
    };
    let server = program("sbin/mysqld");
    let version = version_of(&server)?;
    let at = |path: &str| usr.join(path).display().to_string();
    let places = vec![
        format!("--basedir={}", usr.display()),
        format!("--lc-messages-dir={}", at("share/mysql")),
        format!("--character-sets-dir={}", at("share/mysql/charsets")),
        format!("--plugin-dir={}", at("lib/mysql/plugin")),
        // Without it the server ends at once, since the folder that it was built with is missing.
        "--secure-file-priv=NULL".to_owned(),
        "--mysqlx=OFF".to_owned(),
    ];
    Ok(Programs { server, client: program("bin/mysql"), places, version })
}

/// `mysqld  Ver 9.7.4-2 for Linux on x86_64`: what stands behind `Ver`.
fn version_of(server: &Program) -> Result<String> {
    let mut command = server.command();
    command.args(["--no-defaults", "--version"]);
    let told = command::output(&command, Duration::from_secs(30))?;
    let version = told.split_whitespace().skip_while(|word| *word != "Ver").nth(1);
    version.map(str::to_owned).with_context(|| format!("no version in {told:?}"))
}

/// The only entry of a folder whose name is such.
fn one_of(folder: &Path, is_it: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let found = entries.flatten().find(|entry| is_it(&entry.file_name().to_string_lossy()));
    Ok(found.with_context(|| format!("nothing suitable in {}", folder.display()))?.path())
}

/// Fetches the packages with all that they need, as if nothing were installed, and unpacks them under `root`. The machine's own
/// package lists are neither used nor changed; where they come from tells which mirror to ask.
fn fetch(work: &Path) -> Result<()> {
    for folder in ["lists/partial", "cache/archives/partial", "root"] {
        fs::create_dir_all(work.join(folder))?;
    }
    fs::write(work.join("status"), "")?;
    let mirror = mirror()?;
    let sources = format!("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} sid main\n");
    fs::write(work.join("sources.list"), sources)?;
    let settings = include_str!("apt.conf").replace("{here}", &work.display().to_string());
    fs::write(work.join("apt.conf"), settings)?;
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(["-q", "-y"]).args(arguments).env("APT_CONFIG", work.join("apt.conf"));
        command::output(&apt, FETCH_DEADLINE)
    };
    apt(&["update"])?;
    apt(&[&["--download-only", "install"][..], &PACKAGES].concat())?;
    let mut unpacked = 0;
    for entry in fs::read_dir(work.join("cache/archives"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".deb") && !NOT_UNPACKED.iter().any(|start| name.starts_with(start)) {
            unpack(&path, &work.join("root"))?;
            unpacked += 1;
        }
    }
    ensure!(unpacked > PACKAGES.len(), "only {unpacked} packages came");
    Ok(())
}

fn unpack(package: &Path, root: &Path) -> Result<()> {
    let mut shell = Command::new("sh");
    // The server may run as another account than the one that fetched.
    shell.args([
        "-c",
        "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --no-same-owner --directory \"$2\" \
        --exclude ./usr/share/doc --exclude ./usr/share/man --exclude ./usr/share/locale && chmod -R a+rX \"$2\"",
        "sh",
    ]);
    shell.arg(package).arg(root);
    command::output(&shell, FETCH_DEADLINE).with_context(|| format!("cannot unpack {}", package.display()))?;
    Ok(())
}

/// The mirror from which this machine has its own packages.
fn mirror() -> Result<String> {
    let os = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let release = os.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).context("no code name")?;
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]);
    let listed = command::output(&targets, Duration::from_secs(60))?;
    let mirror =
        listed.lines().find_map(|line| line.strip_suffix(release)).context("this machine has no mirror of Debian")?;
    Ok(mirror.trim().to_owned())
}
