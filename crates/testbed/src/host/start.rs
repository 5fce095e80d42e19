//! Starting a host and taking it away.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::subnet::Subnet;
use super::{Flavour, Options, base};
use crate::scratch;
use crate::watchdog::{Watchdog, until, wait};

/// What runs a host; written to its scratch directory under these names.
const SCRIPTS: &[(&str, &str)] = &[
    ("start.sh", include_str!("start.sh")),
    ("plain.sh", include_str!("plain.sh")),
    ("systemd.sh", include_str!("systemd.sh")),
    ("init.sh", include_str!("init.sh")),
];
const LAST: &str = include_str!("last.sh");

/// The search path of everything that runs on a host, and of what starts it.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long the end of all processes may take.
const END_DEADLINE: Duration = Duration::from_secs(30);

/// A disposable host. It is gone when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Host {
    flavour: Flavour,
    name: String,
    /// The parent of the host's processes, our child, in whose end `first` is reaped.
    parent: Child,
    /// The first process of the outermost pid namespace: with it everything ends.
    first: Pid,
    /// The host's process 1, whose namespaces are the host's.
    init: Pid,
    /// Users that administrators log in as; what they run is not part of a snapshot.
    pub(super) administrators: Mutex<Vec<u32>>,
    watchdog: Watchdog,
    /// Last, so that the network is free only when the interface has gone.
    subnet: Subnet,
}

impl Host {
    /// Starts a host, ready for log-ins. The first start of a flavour on a machine builds its base root, which takes a
    /// minute; later ones take well below a second.
    ///
    /// # Errors
    /// When the process is not root, a program is missing, or the host is not ready at the deadline; the text has what
    /// the start printed.
    pub fn start(options: Options) -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "disposable hosts are made of namespaces and mounts and need root: run these tests as root or through sudo"
        );
        let base = base::directory(options.flavour)?;
        let watchdog = Watchdog::start(&scratch::directory("host")?, "KILL")?;
        let subnet = Subnet::take(watchdog.directory())?;
        let name = format!("host{}-{}", subnet.number(), std::process::id());
        let mut parent = launch(options.flavour, &base, &name, &subnet, watchdog.directory())?;
        match ready(&mut parent, &options, &subnet) {
            Ok((first, init)) => {
                let flavour = options.flavour;
                Ok(Self { flavour, name, parent, first, init, administrators: Mutex::default(), watchdog, subnet })
            }
            Err(error) => {
                let log = fs::read_to_string(watchdog.directory().join("host.log")).unwrap_or_default();
                drop(watchdog);
                wait(&mut parent, END_DEADLINE);
                Err(error.context(format!("the host did not start; what it printed:\n{log}")))
            }
        }
    }

    /// What runs as its process 1.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Its host name. It has this process's id in it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address at which its sshd listens on port 22.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.subnet.far()
    }

    /// The machine's own address on the link to it: where the host sees connections from here come from.
    #[must_use]
    pub fn our_address(&self) -> Ipv4Addr {
        self.subnet.near()
    }

    /// The name of the machine's end of the link. Fifteen bytes is what an interface's name may have (netdevice(7)).
    pub(super) fn interface(&self) -> String {
        interface(&self.subnet)
    }

    /// The id, as the machine sees it, of the process whose namespaces are the host's.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.init.as_raw_nonzero().get().unsigned_abs()
    }

    /// The host's root directory as the machine sees it. An absolute symbolic link in it leads into the machine's own.
    pub(super) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.pid()))
    }

    pub(super) fn add_administrator(&self, uid: u32) {
        self.administrators.lock().unwrap_or_else(PoisonError::into_inner).push(uid);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Their parent buries them. Killed before them, it would leave that to the machine's own process 1.
        let _ = kill_process(self.first, Signal::KILL);
        wait(&mut self.parent, END_DEADLINE);
        self.watchdog.end();
    }
}

fn launch(flavour: Flavour, base: &Path, name: &str, subnet: &Subnet, directory: &Path) -> Result<Child> {
    for (file, content) in SCRIPTS {
        fs::write(directory.join(file), content).with_context(|| format!("cannot write {file}"))?;
    }
    let interface = interface(subnet);
    let group = format!("mayfly-{name}");
    let last = format!("set -- {interface} {group}\n{LAST}");
    fs::write(directory.join("last.sh"), last).context("cannot write last.sh")?;

    let log = File::create(directory.join("host.log")).context("cannot make the host's log")?;
    let mut command = Command::new("unshare");
    command.args(["--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--"]);
    // Mounts apart from the others: the parent keeps the machine's, so that its working directory stays the scratch
    // directory, by which the watchdog finds it.
    command.args(["unshare", "--mount", "--propagation=unchanged", "--", "sh", "start.sh", flavour.name()]);
    command.arg(base).args([name, &interface, &subnet.prefix(), &std::process::id().to_string(), &group]);
    command.current_dir(directory).env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().context("cannot start unshare")
}

fn interface(subnet: &Subnet) -> String {
    format!("mf{}-{}", subnet.number(), std::process::id())
}

/// Waits until the host takes log-ins, and finds its processes.
fn ready(parent: &mut Child, options: &Options, subnet: &Subnet) -> Result<(Pid, Pid)> {
    let (address, near) = (SocketAddr::from((subnet.far(), 22)), subnet.near());
    let mut ended = false;
    let answers = until(options.deadline, || {
        ended = !matches!(parent.try_wait(), Ok(None));
        ended || greets(address, near)
    });
    ensure!(!ended, "the host ended while starting");
    ensure!(answers, "sshd did not answer within {:?}", options.deadline);
    let parent = pid(parent.id())?;
    let first = only_child(parent)?;
    let init = match options.flavour {
        Flavour::Plain => first,
        // The script, nspawn, systemd.
        Flavour::Systemd => only_child(only_child(first)?)?,
    };
    if options.flavour == Flavour::Systemd {
        // pam_nologin(8) keeps everybody but root out until the file goes.
        let closed = format!("/proc/{}/root/run/nologin", init.as_raw_nonzero());
        let opened = until(options.deadline, || !Path::new(&closed).exists());
        ensure!(opened, "the host still refused log-ins after {:?}", options.deadline);
    }
    Ok((first, init))
}

/// Whether an SSH server answers through the host's own link. Before that exists, connecting would take the machine's
/// usual way out, and something may answer there.
fn greets(address: SocketAddr, near: Ipv4Addr) -> bool {
    // Only an address of the machine's own can be bound.
    if TcpListener::bind((near, 0)).is_err() {
        return false;
    }
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else { return false };
    let mut greeting = [0; 4];
    stream.local_addr().is_ok_and(|local| local.ip() == near)
        && stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read_exact(&mut greeting).is_ok()
        && &greeting == b"SSH-"
}

fn only_child(parent: Pid) -> Result<Pid> {
    let parent = parent.as_raw_nonzero();
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let mut children = children.split_whitespace();
    match (children.next(), children.next()) {
        (Some(child), None) => pid(child.parse().context("a process id that is none")?),
        _ => bail!("a process of the host has not exactly one child"),
    }
}

fn pid(id: u32) -> Result<Pid> {
    Pid::from_raw(i32::try_from(id)?).context("a process without an id")
}
