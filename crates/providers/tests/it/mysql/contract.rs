//! The contract of providers, held against real servers.

use super::rig::{ALL, Os, Rig as Real, blocking, has_role, log_in, place, provider_of, subject};
use async_trait::async_trait;
use mayfly_contract::suite::{Rig, Visitor};
use mayfly_domain::{Entropy, Secret, WallTime};
use mayfly_engine::ports::provider::{AccountWish, Provider, Wish};
use mayfly_testbed::mysql::{Flavour, Session, fixtures, quote_identifier, quote_literal, skip, snapshot};
use mayfly_testbed::postgres::Login;
use std::sync::Arc;
use std::time::Duration;

/// A rig of the contract. Its cases have names of their own, so they take servers as they find them.
struct Contract {
    real: Real,
    provider: Arc<dyn Provider>,
}

/// The password of accounts that the suite has made.
const PASSWORD: &str = "known-to-the-rig";

impl Contract {
    async fn start(which: usize) -> Option<Self> {
        let (flavour, as_whom) = ALL[which];
        if !skip::can_run(flavour) {
            return None;
        }
        let real = Real::used(flavour, as_whom).await;
        let provider = Arc::new(subject(flavour, &real.admin));
        Some(Self { real, provider })
    }

    fn account(name: &str) -> String {
        format!("{}@'127.0.0.1'", quote_literal(name))
    }

    fn role(&self, name: &str) -> String {
        match self.real.flavour() {
            Flavour::MariaDb => quote_identifier(name),
            Flavour::MySql => format!("{}@'%'", quote_literal(name)),
        }
    }
}

#[async_trait]
impl Rig for Contract {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider)
    }

    fn seed(&self) -> u64 {
        u64::try_from(Os.bits() & u128::from(u64::MAX)).unwrap()
    }

    fn wish(&self, account: AccountWish, group: Option<&str>) -> Wish {
        Wish {
            provider: provider_of(self.real.flavour()).to_owned(),
            place: place(&self.real, self.real.port()),
            account,
            elevate: group.map(str::to_owned),
            exclusive: true,
            end_other_sessions: true,
            settings: serde_json::json!({}),
        }
    }

    async fn create_account(&self, name: &str) {
        self.real.sql(&format!("CREATE USER {} IDENTIFIED BY '{PASSWORD}'", Self::account(name)));
    }

    async fn create_group(&self, name: &str) {
        self.real.sql(&format!("CREATE ROLE {}", self.role(name)));
        fixtures::lend(&self.real, name).unwrap();
    }

    async fn add_member(&self, account: &str, group: &str) {
        self.real.sql(&format!("GRANT {} TO {}", self.role(group), Self::account(account)));
    }

    async fn is_member(&self, account: &str, group: &str) -> bool {
        has_role(&self.real, account, group)
    }

    async fn remove_account(&self, name: &str) {
        self.real.sql(&format!("DROP USER {}", Self::account(name)));
    }

    async fn rename_account(&self, from: &str, to: &str) -> bool {
        self.real.sql(&format!("RENAME USER {} TO {}", Self::account(from), Self::account(to)));
        true
    }

    async fn has_account(&self, name: &str) -> bool {
        self.real.ask(&format!("SELECT COUNT(*) FROM mysql.user WHERE User = {}", quote_literal(name))) != "0"
    }

    async fn own_something(&self, account: &str, secret: &Secret) {
        self.real.sql(&format!("GRANT CREATE VIEW, SELECT ON orders.* TO {}", Self::account(account)));
        let login = Login { user: account.to_owned(), password: secret.expose().to_owned() };
        let mut session = log_in(&self.real, login, "orders").await.unwrap();
        let view = quote_identifier(account);
        blocking(move || session.ask(&format!("CREATE VIEW {view} AS SELECT id FROM customers")).unwrap()).await;
    }

    async fn log_in(&self, account: &str, secret: Option<&Secret>) -> Option<Box<dyn Visitor>> {
        let password = secret.map_or(PASSWORD, Secret::expose).to_owned();
        let login = Login { user: account.to_owned(), password };
        let session = log_in(&self.real, login, "").await.ok()?;
        let (session, id) = blocking(move || {
            let mut session = session;
            let id = session.id().ok();
            (session, id)
        })
        .await;
        Some(Box::new(Client { session: Some(session), id: id? }))
    }

    async fn now(&self) -> WallTime {
        let micros = self.real.ask("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)");
        WallTime::from_micros(micros.parse().unwrap())
    }

    async fn snapshot(&self) -> String {
        snapshot::take(&self.real).unwrap()
    }

    async fn deadline_of(&self, account: &str) -> Option<WallTime> {
        let question = format!(
            "SELECT UNIX_TIMESTAMP(CONVERT_TZ(EXECUTE_AT, TIME_ZONE, '+00:00')) FROM information_schema.EVENTS \
             WHERE EVENT_SCHEMA = 'mysql' AND EVENT_NAME = {}",
            quote_literal(account)
        );
        let seconds: i64 = self.real.ask(&format!("SET time_zone = '+00:00'; {question}")).parse::<f64>().ok()? as i64;
        Some(WallTime::from_micros(seconds * 1_000_000))
    }

    /// Both servers have names of accounts and roles that are shorter than those of the suite's own.
    fn awkward_name(&self) -> String {
        r#"o'h`a "x";--\@"#.to_owned()
    }

    fn log_in_resolution(&self) -> Duration {
        match self.real.flavour() {
            Flavour::MariaDb => Duration::from_millis(20),
            // It counts the seconds that have begun.
            Flavour::MySql => Duration::from_millis(2_100),
        }
    }
}

/// A session of the server's own client.
struct Client {
    session: Option<Session>,
    id: u64,
}

#[async_trait]
impl Visitor for Client {
    fn native(&self) -> String {
        self.id.to_string()
    }

    async fn is_alive(&mut self) -> bool {
        let mut session = self.session.take().unwrap();
        let (session, alive) = blocking(move || {
            let alive = session.is_alive();
            (session, alive)
        })
        .await;
        self.session = Some(session);
        alive
    }
}

mod on_mariadb_as_root {
    use super::*;
    mayfly_contract::provider_contract!(optional Contract::start(0));
}

mod on_mariadb_with_least_privilege {
    use super::*;
    mayfly_contract::provider_contract!(optional Contract::start(1));
}

mod on_mysql_as_root {
    use super::*;
    mayfly_contract::provider_contract!(optional Contract::start(2));
}

mod on_mysql_with_least_privilege {
    use super::*;
    mayfly_contract::provider_contract!(optional Contract::start(3));
}
