//! A broker on a free port in front of a disposable host, with an account there for each test.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use mayfly_brokers::{
    port::{Service, SshService},
    ssh::{Context, HostKey, Outcome, Parts, Settings, serve},
};
use mayfly_dial::{Credential, ssh::SshKey};
use mayfly_domain::{Destination, Endpoint, Secret, Trust};
use mayfly_testbed::{
    host::{Flavour, Host, Options},
    scratch,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    door::{SECRET, Shared, TestDoor},
    gateway::{Boot, Os, Spawner, eventually, in_an_hour},
};

/// A running broker.
pub(crate) struct Gateway {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) door: Arc<TestDoor>,
    pub(crate) context: Arc<Context>,
    pub(crate) host_key_line: String,
    /// What the clients of a test keep.
    pub(crate) folder: TempDir,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    open: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// A broker in front of this door.
    pub(crate) async fn start(door: TestDoor) -> Self {
        Self::with(door, Settings::default()).await
    }

    /// A broker with other limits.
    pub(crate) async fn with(door: TestDoor, settings: Settings) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, door, settings, HostKey::generate(&mut Os)).await
    }

    /// A broker at another address of this machine, or with another host key.
    pub(crate) async fn at(address: Ipv4Addr, door: TestDoor, settings: Settings, host_key: HostKey) -> Self {
        let door = Arc::new(door);
        let host_key_line = host_key.public_line();
        let context = Context::new(Parts {
            door: Arc::new(Shared(Arc::clone(&door))),
            tasks: Arc::new(Spawner),
            clock: Arc::new(Boot),
            entropy: Box::new(Os),
            host_key,
            settings,
        });
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let open = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&context), Arc::clone(&outcomes), Arc::clone(&open)));
        let folder = tempfile::tempdir().unwrap();
        let known = format!("[{address}]:{port} {host_key_line}\n");
        std::fs::write(folder.path().join("known_hosts"), known).unwrap();
        let gateway =
            Self { address: address.into(), port, door, context, host_key_line, folder, outcomes, open, accepting };
        gateway.types("secret", SECRET);
        gateway
    }

    /// Makes a program in the folder that types this secret when a client asks.
    pub(crate) fn types(&self, name: &str, secret: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\nprintf '%s\\n' '{secret}'\n")).unwrap();
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }

    /// Waits until this many connections have ended and none is open; returns how they ended, in order.
    pub(crate) async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        eventually("the end of the connections", || {
            self.outcomes.lock().unwrap().len() >= count && self.open.load(SeqCst) == 0
        })
        .await;
        self.outcomes.lock().unwrap().clone()
    }

    /// How many connections have ended.
    pub(crate) fn ended(&self) -> usize {
        self.outcomes.lock().unwrap().len()
    }

    /// Waits until one connection has ended; returns how.
    pub(crate) async fn outcome(&self) -> Outcome {
        self.outcomes(1).await[0].clone()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The accept loop of the broker, but one that keeps the outcomes.
async fn accept(
    listener: TcpListener,
    context: Arc<Context>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    open: Arc<AtomicUsize>,
) {
    loop {
        let (stream, peer) = listener.accept().await.unwrap();
        let Ok(slot) = context.admission().admit(peer.ip()) else { continue };
        let (context, outcomes, open) = (Arc::clone(&context), Arc::clone(&outcomes), Arc::clone(&open));
        open.fetch_add(1, SeqCst);
        tokio::spawn(async move {
            let outcome = serve(stream, peer, slot, &context).await;
            outcomes.lock().unwrap().push(outcome);
            open.fetch_sub(1, SeqCst);
        });
    }
}

/// The host that the tests of a process share.
pub(crate) fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::start(Options::new(Flavour::Plain)).unwrap())
}

/// An account on the shared host, made for one test.
pub(crate) struct Account {
    pub(crate) name: String,
}

impl Account {
    /// An account that only the session's key opens, and a door to it.
    pub(crate) fn made() -> (Self, TestDoor) {
        let host = host();
        let name = format!("b{}", &scratch::secret().unwrap().to_ascii_lowercase().replace(['-', '_'], "x")[..12]);
        let secret = Secret::new(scratch::secret().unwrap());
        host.run(&["useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", &name]).unwrap();
        let home = format!("/home/{name}");
        host.run(&["install", "-d", "-m", "700", "-o", &name, "-g", &name, &format!("{home}/.ssh")]).unwrap();
        let keys = format!("{home}/.ssh/authorized_keys");
        host.write(&keys, format!("{}\n", SshKey::of_session(&secret).public_line()), 0o600).unwrap();
        host.run(&["chown", &format!("{name}:{name}"), &keys]).unwrap();
        let trust = Trust::HostKey { fingerprint: host.host_key().unwrap().fingerprint };
        let endpoint = Endpoint { host: host.address().to_string(), port: 22 };
        let credential = Credential { login: name.clone(), secret };
        let mut door = TestDoor::new(Destination { endpoint, trust }, credential, in_an_hour());
        door.service = Service::Ssh(SshService { sftp: true, forwarding: Vec::new() });
        (Self { name }, door)
    }

    /// How many processes the account has.
    pub(crate) fn processes(&self) -> usize {
        let listed = host().output(&["pgrep", "-c", "-u", &self.name]).unwrap();
        String::from_utf8_lossy(&listed.stdout).trim().parse().unwrap()
    }

    /// A path in its home.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("/home/{}/{name}", self.name)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = host().output(&["pkill", "-KILL", "-u", &self.name]);
        let _ = host().output(&["userdel", "--remove", "--force", &self.name]);
    }
}
