//! The contract of providers, held against real servers.

use crate::rig::{ALL, Os, Rig as Real, log_in, place, subject};
use async_trait::async_trait;
use mayfly_contract::suite::{Rig, Visitor};
use mayfly_domain::{Entropy, Secret, WallTime};
use mayfly_engine::ports::provider::{AccountWish, Provider, Wish};
use mayfly_testbed::snapshot;
use std::sync::Arc;

/// A rig of the contract. Its cases have names of their own, so they take servers as they find them.
struct Contract {
    real: Real,
    provider: Arc<dyn Provider>,
}

/// The password of accounts that the suite has made.
const PASSWORD: &str = "known-to-the-rig";

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Contract {
    async fn start(which: usize) -> Self {
        let (flavour, as_whom) = ALL[which];
        let real = Real::used(flavour, as_whom).await;
        let provider = Arc::new(subject(&real.admin));
        Self { real, provider }
    }

    async fn sql(&self, sql: &str) {
        self.real.sql("postgres", sql).await;
    }

    async fn holds(&self, question: &str) -> bool {
        self.real.ask("postgres", question).await == "t"
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
            provider: "postgresql".to_owned(),
            place: place(&self.real, self.real.port()),
            account,
            elevate: group.map(str::to_owned),
            exclusive: true,
            end_other_sessions: true,
            settings: serde_json::json!({}),
        }
    }

    async fn create_account(&self, name: &str) {
        self.sql(&format!("CREATE ROLE {} LOGIN PASSWORD '{PASSWORD}'", ident(name))).await;
    }

    async fn create_group(&self, name: &str) {
        self.sql(&format!("CREATE ROLE {}", ident(name))).await;
        if self.real.flavour().has_membership_options() {
            self.sql(&format!("GRANT {} TO mayfly_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", ident(name))).await;
        }
    }

    async fn add_member(&self, account: &str, group: &str) {
        self.sql(&format!("GRANT {} TO {}", ident(group), ident(account))).await;
    }

    async fn is_member(&self, account: &str, group: &str) -> bool {
        let (account, group) = (literal(account), literal(group));
        self.holds(&format!(
            "SELECT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member
             JOIN pg_roles g ON g.oid = m.roleid WHERE a.rolname = {account} AND g.rolname = {group})"
        ))
        .await
    }

    async fn remove_account(&self, name: &str) {
        self.sql(&format!("DROP ROLE {}", ident(name))).await;
    }

    async fn rename_account(&self, from: &str, to: &str) -> bool {
        self.sql(&format!("ALTER ROLE {} RENAME TO {}", ident(from), ident(to))).await;
        true
    }

    async fn has_account(&self, name: &str) -> bool {
        self.holds(&format!("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = {})", literal(name))).await
    }

    async fn own_something(&self, account: &str, secret: &Secret) {
        self.real.sql("orders", "GRANT CREATE ON SCHEMA public TO PUBLIC").await;
        let client = log_in(&self.real, account, secret.expose(), "orders").await.unwrap();
        client.batch_execute(&format!("CREATE TABLE {} (a int)", ident(account))).await.unwrap();
    }

    async fn log_in(&self, account: &str, secret: Option<&Secret>) -> Option<Box<dyn Visitor>> {
        let password = secret.map_or(PASSWORD, Secret::expose);
        let client = log_in(&self.real, account, password, "orders").await.ok()?;
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.ok()?.get(0);
        Some(Box::new(Session { client, pid }))
    }

    async fn now(&self) -> WallTime {
        let micros =
            self.real.ask("postgres", "SELECT (extract(epoch from clock_timestamp()) * 1000000)::bigint").await;
        WallTime::from_micros(micros.parse().unwrap())
    }

    async fn snapshot(&self) -> String {
        snapshot::take(&self.real).await.unwrap()
    }

    async fn deadline_of(&self, account: &str) -> Option<WallTime> {
        let question = format!(
            "SELECT (extract(epoch from rolvaliduntil) * 1000000)::bigint FROM pg_roles WHERE rolname = {}",
            literal(account)
        );
        self.real.ask("postgres", &question).await.parse().ok().map(WallTime::from_micros)
    }
}

/// A session over the Unix socket.
struct Session {
    client: tokio_postgres::Client,
    pid: i32,
}

#[async_trait]
impl Visitor for Session {
    fn native(&self) -> String {
        self.pid.to_string()
    }

    async fn is_alive(&mut self) -> bool {
        self.client.simple_query("SELECT 1").await.is_ok()
    }
}

mod on_15_as_superuser {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(0));
}

mod on_15_with_least_privilege {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(1));
}

mod on_newer_as_superuser {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(2));
}

mod on_newer_with_least_privilege {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(3));
}
