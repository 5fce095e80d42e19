//! MySQL and MariaDB for the engine's rows.

use super::kind::{Kind, Raw, place_of};
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use mayfly_domain::Place;
use mayfly_testbed::Login;
use mayfly_testbed::fixtures::ROLES;
use mayfly_testbed::mysql::{Flavour, Mysql as Server, Options, Session, fixtures, skip};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What each server keeps of a password of its own form, as the provider computes it: that of nobody.
const VERIFIERS: [(Flavour, &str); 2] = [
    (
        Flavour::MySql,
        "caching_sha2_password AS '$A$005$p:ZP0q[PNF>%s`HP+kHGIXb/esqX0DSPImXSybmL0V5yDg0DuACcB/iLiKdT8G9'",
    ),
    (Flavour::MariaDb, "mysql_native_password AS '*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9'"),
];

/// The statements that make an account and take it away, as the provider sends them for one: make it and the event that would close
/// it, look at it, close it, look for its sessions, remove both, look again.
const CYCLE: [&str; 6] = [
    "CREATE USER '{name}'@'127.0.0.1' IDENTIFIED WITH {verifier}{role} REQUIRE SSL WITH MAX_USER_CONNECTIONS 20 \
     PASSWORD EXPIRE NEVER ACCOUNT UNLOCK;{grants} \
     CREATE EVENT mysql.{name} ON SCHEDULE AT '2037-01-01 00:00:00' ON COMPLETION NOT PRESERVE \
     DO ALTER USER IF EXISTS '{name}'@'127.0.0.1' ACCOUNT LOCK",
    "SELECT SYSDATE(6), User, Host FROM mysql.user WHERE User = '{name}'",
    "ALTER USER IF EXISTS '{name}'@'127.0.0.1' ACCOUNT LOCK; SELECT SYSDATE(6)",
    "SELECT ID FROM {processes} WHERE USER = '{name}'",
    "DROP USER '{name}'@'127.0.0.1'; DROP EVENT IF EXISTS mysql.{name}",
    "SELECT SYSDATE(6), (SELECT count(*) FROM mysql.user WHERE User = '{name}'), \
     (SELECT count(*) FROM {processes} WHERE USER = '{name}')",
];

/// How many accounts were made raw, so that no name is used twice.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A server of its own.
pub(super) struct Mysql {
    server: Server,
    admin: Login,
}

impl Mysql {
    /// Starts one, durable as it is by default.
    pub(super) async fn start(flavour: Flavour) -> Result<Option<Arc<dyn Kind>>> {
        if !skip::can_run(flavour) {
            return Ok(None);
        }
        let started = tokio::task::spawn_blocking(move || {
            let server = Server::start(Options::new(flavour))?;
            fixtures::create_databases(&server)?;
            fixtures::create_roles(&server)?;
            let admin = fixtures::create_admin(&server, &ROLES)?;
            // What every statement costs is to be seen, not what the log of it costs.
            server.sql("", "SET GLOBAL general_log = OFF")?;
            anyhow::Ok(Self { server, admin })
        });
        Ok(Some(Arc::new(started.await??)))
    }
}

#[async_trait]
impl Kind for Mysql {
    fn title(&self) -> &'static str {
        self.server.flavour().title()
    }

    fn provider(&self) -> &'static str {
        match self.server.flavour() {
            Flavour::MySql => "mysql",
            Flavour::MariaDb => "mariadb",
        }
    }

    fn place(&self) -> Place {
        place_of(self.server.port(), self.server.ca_pem())
    }

    fn administrator(&self) -> Login {
        self.admin.clone()
    }

    fn group(&self) -> &'static str {
        "readonly"
    }

    async fn raw(&self) -> Result<Box<dyn Raw>> {
        let session = self.server.session(&self.admin, "")?;
        Ok(Box::new(Administrator { session: Some(session), flavour: self.server.flavour() }))
    }

    async fn fill(&self, accounts: usize) -> Result<()> {
        let role = match self.server.flavour() {
            Flavour::MySql => " DEFAULT ROLE readonly",
            Flavour::MariaDb => "",
        };
        let names: Vec<String> = (0..accounts).map(|number| format!("'there_{number}'@'127.0.0.1'")).collect();
        for part in names.chunks(500) {
            let part = part.join(", ");
            let grant = if role.is_empty() { format!("; GRANT readonly TO {part}") } else { String::new() };
            self.server.sql("", &format!("CREATE USER {part}{role}{grant}"))?;
        }
        Ok(())
    }

    async fn left(&self) -> Result<usize> {
        const LEFT: &str = "SELECT count(*) FROM mysql.user WHERE User LIKE 'keeper%' OR User LIKE 'raw%'";
        Ok(self.server.sql("", LEFT)?.trim().parse()?)
    }
}

/// The administrator's session in the server's own client.
struct Administrator {
    /// Away while it is asked.
    session: Option<Session>,
    flavour: Flavour,
}

#[async_trait]
impl Raw for Administrator {
    async fn cycle(&mut self) -> Result<()> {
        let mut session = self.session.take().context("the client is gone")?;
        let statements = statements(self.flavour, &format!("raw_{}", MADE.fetch_add(1, Ordering::Relaxed)));
        let asked = tokio::task::spawn_blocking(move || {
            for statement in &statements {
                session.ask(statement).with_context(|| statement.clone())?;
            }
            anyhow::Ok(session)
        });
        self.session = Some(asked.await??);
        Ok(())
    }
}

fn statements(flavour: Flavour, name: &str) -> Vec<String> {
    let verifier = VERIFIERS.iter().find(|(of, _)| *of == flavour).map_or("", |(_, verifier)| verifier);
    let account = format!("'{name}'@'127.0.0.1'");
    let (role, grants, processes) = match flavour {
        Flavour::MySql => (" DEFAULT ROLE 'readonly'", String::new(), "performance_schema.processlist"),
        Flavour::MariaDb => (
            "",
            format!(" GRANT readonly TO {account}; SET DEFAULT ROLE readonly FOR {account};"),
            "information_schema.processlist",
        ),
    };
    let filled = CYCLE.iter().map(|statement| {
        let named = statement.replace("{name}", name).replace("{verifier}", verifier);
        named.replace("{role}", role).replace("{grants}", &grants).replace("{processes}", processes)
    });
    filled.collect()
}
