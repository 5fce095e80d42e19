//! A broker on a free port, with a certificate of its own, in front of a target.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use mayfly_brokers::{
    port::Service,
    tds::{Context, Outcome, Parts, Settings, serve},
};
use mayfly_dial::Credential;
use mayfly_domain::{Destination, Endpoint, Secret, Trust};
use mayfly_testbed::{
    SqlServerStandIn, scratch,
    sqlclients::Server,
    sqlserver::{Options, SeenSession},
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    door::{Shared, TestDoor},
    gateway::{Os, Spawner, eventually, in_an_hour, server_tls},
};

/// A running broker.
pub(super) struct Gateway {
    pub(super) port: u16,
    pub(super) door: Arc<TestDoor>,
    pub(super) ca_pem: String,
    pub(super) context: Arc<Context>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    open: Arc<AtomicUsize>,
    pub(super) directory: TempDir,
    accepting: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// A broker in front of this door.
    pub(super) async fn start(door: TestDoor) -> Self {
        Self::with(door, Settings::default()).await
    }

    /// A broker with other limits.
    pub(super) async fn with(door: TestDoor, settings: Settings) -> Self {
        let door = Arc::new(door);
        let (ca_pem, _, tls) = server_tls();
        let context = Context::new(Parts {
            door: Arc::new(Shared(Arc::clone(&door))),
            tasks: Arc::new(Spawner),
            entropy: Box::new(Os),
            tls: Arc::new(tls),
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

    /// As a client sees it.
    pub(super) fn server(&self) -> Server {
        Server { host: "localhost".to_owned(), port: self.port, ca: self.directory.path().join("ca.crt") }
    }

    /// Waits until this many connections have ended and none is open; returns how they ended, in order.
    pub(super) async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        eventually("the end of the connections", || {
            self.outcomes.lock().unwrap().len() >= count && self.open.load(SeqCst) == 0
        })
        .await;
        self.outcomes.lock().unwrap().clone()
    }

    /// Waits until one connection has ended; returns how.
    pub(super) async fn outcome(&self) -> Outcome {
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

/// The account of a session on the stand-in.
pub(super) const ACCOUNT: &str = "keeper_test";

/// A stand-in with the account of a session, which has users in the databases `orders` and `other`.
pub(super) struct Target {
    pub(super) server: SqlServerStandIn,
    pub(super) password: String,
}

impl Target {
    /// A stand-in of one's own, and a door to it.
    pub(super) fn start() -> (Self, TestDoor) {
        Self::with(Options::default(), |ca_pem| Trust::VerifyFull { ca_pem })
    }

    /// One that is other, and trusted otherwise.
    pub(super) fn with(options: Options, trust: impl FnOnce(String) -> Trust) -> (Self, TestDoor) {
        let server = SqlServerStandIn::start(options).unwrap();
        let password = format!("Aa1-{}", scratch::secret().unwrap());
        let users = ["orders", "other"].map(|name| {
            format!("CREATE DATABASE {name}; USE {name}; CREATE USER {ACCOUNT} FOR LOGIN {ACCOUNT}; USE master; ")
        });
        let login = format!("CREATE LOGIN {ACCOUNT} WITH PASSWORD = N'{password}'; ");
        server.admin("master", &(login + &users.concat())).unwrap();
        server.admin("orders", "CREATE TABLE dbo.items (id int, name nvarchar(40)); INSERT INTO dbo.items VALUES (1, N'é'); GRANT SELECT ON dbo.items TO keeper_test").unwrap();
        let endpoint = Endpoint { host: "localhost".to_owned(), port: server.port() };
        let credential = Credential { login: ACCOUNT.to_owned(), secret: Secret::new(password.clone()) };
        let trust = trust(server.ca().to_owned());
        let door = door(endpoint, trust, credential);
        (Self { server, password }, door)
    }

    /// The sessions of the account.
    pub(super) fn sessions(&self) -> Vec<SeenSession> {
        self.server.sessions().into_iter().filter(|session| session.login == ACCOUNT).collect()
    }
}

/// A door to a target whose default database is `orders`.
pub(super) fn door(endpoint: Endpoint, trust: Trust, credential: Credential) -> TestDoor {
    let mut door = TestDoor::new(Destination { endpoint, trust }, credential, in_an_hour());
    door.service = Service::Tds { default_database: "orders".to_owned() };
    door
}
