//! A broker on a free port, with a certificate of its own, in front of a target.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use mayfly_brokers::{
    mysql::{Context, Flavour as Look, Outcome, Parts, Settings, serve},
    port::{MysqlService, Service},
};
use mayfly_dial::Credential;
use mayfly_domain::{Destination, Endpoint, Secret, Trust};
use mayfly_testbed::{
    Login,
    mysql::{Flavour, skip, tool},
    scratch,
    shared::{self, SharedMysql},
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
    directory: TempDir,
    accepting: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// A broker in front of this door.
    pub(super) async fn start(door: TestDoor) -> Self {
        Self::with(door, Settings::default(), Look::Mysql).await
    }

    /// A broker with other limits, or that looks like MariaDB.
    pub(super) async fn with(door: TestDoor, settings: Settings, flavour: Look) -> Self {
        let door = Arc::new(door);
        let (ca_pem, _, tls) = server_tls();
        let context = Context::new(Parts {
            door: Arc::new(Shared(Arc::clone(&door))),
            tasks: Arc::new(Spawner),
            entropy: Box::new(Os),
            tls: Arc::new(tls),
            flavour,
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

    /// A directory that goes with it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The file with the authority of the broker's certificate.
    pub(super) fn ca_path(&self) -> PathBuf {
        self.path("ca.crt")
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

/// A door to a real server, with an account made for this test alone, whose role `readonly` is its default.
pub(super) struct Target {
    pub(super) server: &'static SharedMysql,
    pub(super) user: String,
}

impl Target {
    /// An account of one's own on the shared server of a flavour; `None` where it cannot be had here, which is said.
    pub(super) fn on(flavour: Flavour) -> Option<(Self, TestDoor)> {
        if !skip::can_run(flavour) {
            return None;
        }
        let server = shared::mysql(flavour).unwrap();
        let user = format!("broker_{}", &scratch::secret().unwrap()[..12].to_ascii_lowercase());
        let password = scratch::secret().unwrap();
        let made = match flavour {
            Flavour::MariaDb => format!(
                "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{password}' REQUIRE SSL; GRANT readonly TO {user}@'127.0.0.1'; \
                 SET DEFAULT ROLE readonly FOR {user}@'127.0.0.1'"
            ),
            Flavour::MySql => {
                format!("CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{password}' DEFAULT ROLE readonly REQUIRE SSL")
            }
        };
        server.sql("", &made).unwrap();
        let trust = Trust::VerifyFull { ca_pem: server.ca_pem().to_owned() };
        let endpoint = Endpoint { host: "localhost".to_owned(), port: server.port() };
        let credential = Credential { login: user.clone(), secret: Secret::new(password) };
        let mut door = TestDoor::new(Destination { endpoint, trust }, credential, in_an_hour());
        door.service = service(MysqlService::default());
        Some((Self { server, user }, door))
    }

    /// Runs statements as root.
    pub(super) fn sql(&self, sql: &str) -> String {
        self.server.sql("", sql).unwrap()
    }

    /// How the server shows a role.
    pub(super) fn role(&self, name: &str) -> String {
        match self.server.flavour() {
            Flavour::MariaDb => name.to_owned(),
            Flavour::MySql => format!("`{name}`@`%`"),
        }
    }

    /// What the account logs in with.
    pub(super) fn login(&self, gateway: &Gateway) -> Login {
        Login { user: self.user.clone(), password: gateway.door.credential.secret.expose().to_owned() }
    }

    /// A dump by the server's own tool as root, directly.
    pub(super) fn dump(&self, args: &[&str]) -> String {
        let name = match self.server.flavour() {
            Flavour::MariaDb => "mariadb-dump",
            Flavour::MySql => "mysqldump",
        };
        let mut dump = tool(self.server.flavour(), name).unwrap();
        dump.arg("--no-defaults").arg(format!("--socket={}", self.server.socket().display()));
        dump.args(["--user", &self.server.root().user]).args(args).env("MYSQL_PWD", &self.server.root().password);
        let output = dump.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The connections of the account on the server, by their numbers.
    pub(super) fn connections(&self) -> String {
        let query = format!("SELECT GROUP_CONCAT(id) FROM information_schema.processlist WHERE user = '{}'", self.user);
        let got = self.sql(&query);
        if got == "NULL" { String::new() } else { got }
    }

    /// How many connections of the account execute something like this.
    pub(super) fn executing(&self, like: &str) -> bool {
        let query = format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{}' AND info LIKE '{like}'",
            self.user
        );
        self.sql(&query) == "1"
    }
}

/// A record of MySQL or MariaDB whose default database is `orders`.
pub(super) fn service(service: MysqlService) -> Service {
    Service::Mysql(MysqlService { default_database: "orders".to_owned(), ..service })
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.server.sql("", &format!("DROP USER IF EXISTS {}@'127.0.0.1'", self.user));
    }
}

/// A target of each flavour that can be had, behind a broker.
pub(super) async fn each() -> Vec<(Target, Gateway)> {
    each_with(MysqlService::default()).await
}

/// The same for records that allow this.
pub(super) async fn each_with(allowed: MysqlService) -> Vec<(Target, Gateway)> {
    let mut all = Vec::new();
    for flavour in Flavour::ALL {
        if let Some((target, mut door)) = Target::on(flavour) {
            door.service = service(allowed.clone());
            let look = match flavour {
                Flavour::MariaDb => Look::Mariadb,
                Flavour::MySql => Look::Mysql,
            };
            all.push((target, Gateway::with(door, Settings::default(), look).await));
        }
    }
    all
}

/// A target that can be had everywhere.
pub(super) fn mariadb() -> (Target, TestDoor) {
    Target::on(Flavour::MariaDb).unwrap()
}
