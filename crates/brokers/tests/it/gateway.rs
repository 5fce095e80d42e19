//! A broker on a free port, with a certificate of its own, in front of a target.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mayfly_brokers::{
    port::{Clock, Task, Tasks},
    postgres::{Context, Outcome, Parts, Settings, serve},
};
use mayfly_dial::Credential;
use mayfly_domain::{BootTime, Destination, Endpoint, Entropy, Secret, Trust};
use mayfly_testbed::{Flavour, PostgresHandle, scratch, shared};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::door::{Shared, TestDoor};

/// How long anything may take that has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A running broker.
pub(crate) struct Gateway {
    pub(crate) port: u16,
    pub(crate) door: Arc<TestDoor>,
    pub(crate) ca_pem: String,
    pub(crate) context: Arc<Context>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    open: Arc<AtomicUsize>,
    directory: TempDir,
    accepting: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// A broker in front of this door.
    pub(crate) async fn start(door: TestDoor) -> Self {
        Self::with(door, Settings::default()).await
    }

    /// A broker with other limits.
    pub(crate) async fn with(door: TestDoor, settings: Settings) -> Self {
        let door = Arc::new(door);
        let (ca_pem, certificate, tls) = server_tls();
        let context = Context::new(Parts {
            door: Arc::new(Shared(Arc::clone(&door))),
            tasks: Arc::new(Spawner),
            clock: Arc::new(Boot),
            entropy: Box::new(Os),
            tls: Arc::new(tls),
            certificate: certificate.into(),
            settings,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let open = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&context), Arc::clone(&outcomes), Arc::clone(&open)));
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.crt"), &ca_pem).unwrap();
        Self { port, door, ca_pem, context, outcomes, open, directory, accepting }
    }

    /// The file with the authority of the broker's certificate.
    pub(crate) fn ca_path(&self) -> PathBuf {
        self.directory.path().join("ca.crt")
    }

    /// Waits until this many connections have ended and none is open; returns how they ended, in order.
    pub(crate) async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        eventually("the end of the connections", || {
            self.outcomes.lock().unwrap().len() >= count && self.open.load(SeqCst) == 0
        })
        .await;
        self.outcomes.lock().unwrap().clone()
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

/// A throw-away authority, the broker's certificate for `localhost`, and TLS with it.
pub(crate) fn server_tls() -> (String, Vec<u8>, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "the broker's throw-away authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let chain = vec![certificate.der().clone()];
    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, secret).unwrap();
    (authority.pem(), certificate.der().to_vec(), config)
}

/// Waits until something is so, for a minute at most.
pub(crate) async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < DEADLINE, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A door to a real server, with a role made for this test alone.
pub(crate) struct Target {
    pub(crate) server: &'static PostgresHandle,
    pub(crate) role: String,
}

impl Target {
    /// A role of one's own on the shared server of a flavour.
    pub(crate) fn on(flavour: Flavour) -> (Self, TestDoor) {
        let server: &'static PostgresHandle = shared::postgres(flavour).unwrap();
        Self::at(server)
    }

    /// A role of one's own on this server.
    pub(crate) fn at(server: &'static PostgresHandle) -> (Self, TestDoor) {
        let role = format!("broker_{}", &scratch::secret().unwrap()[..12]);
        let password = scratch::secret().unwrap();
        let create = format!("CREATE ROLE {role} LOGIN PASSWORD '{password}' IN ROLE readonly");
        server.psql(&["-c", &create]).unwrap();
        let trust = Trust::VerifyFull { ca_pem: server.ca_pem().to_owned() };
        let endpoint = Endpoint { host: "localhost".to_owned(), port: server.port() };
        let credential = Credential { login: role.clone(), secret: Secret::new(password) };
        let door = TestDoor::new(Destination { endpoint, trust }, credential, in_an_hour());
        (Self { server, role }, door)
    }

    /// The sessions of the role on the server, by their process ids.
    pub(crate) fn sessions(&self) -> String {
        let query = format!("SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE usename = '{}'", self.role);
        self.server.psql(&["-c", &query]).unwrap().trim().to_owned()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let role = &self.role;
        let end = format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{role}'");
        let _ =
            self.server.psql(&["-c", &end, "-c", &format!("DROP OWNED BY {role}"), "-c", &format!("DROP ROLE {role}")]);
    }
}

/// A deadline that is far away.
pub(crate) fn in_an_hour() -> BootTime {
    Boot.now().plus(Duration::from_secs(3600))
}

/// The machine's clock.
pub(crate) struct Boot;

#[async_trait]
impl Clock for Boot {
    fn now(&self) -> BootTime {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        BootTime::from_nanos(u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap())
    }

    async fn sleep_until(&self, until: BootTime) {
        tokio::time::sleep(until.since(self.now())).await;
    }
}

pub(crate) struct Os;

impl Entropy for Os {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}

pub(crate) struct Spawner;

impl Tasks for Spawner {
    fn spawn(&self, _name: &'static str, task: Task) {
        tokio::spawn(task);
    }
}
