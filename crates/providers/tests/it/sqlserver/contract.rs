//! The contract of providers, held against the stand-in.

use super::rig::{ALL, Guest, Os, PASSWORD, Rig as Real, ident, literal, log_in, place, services};
use async_trait::async_trait;
use mayfly_contract::suite::{Rig, Visitor};
use mayfly_domain::{Entropy, Secret, WallTime};
use mayfly_engine::ports::provider::{AccountWish, Provider, Wish};
use mayfly_providers::sqlserver::SqlServer;
use std::sync::Arc;

/// A rig of the contract.
struct Contract {
    real: Real,
    provider: Arc<dyn Provider>,
}

impl Contract {
    async fn start(which: usize) -> Self {
        let real = Real::start(ALL[which]);
        let provider = Arc::new(SqlServer::new(services(&real.admin)));
        Self { real, provider }
    }

    /// The database whose users accounts are, if they are.
    fn database(&self) -> &'static str {
        if self.real.contained() { "orders" } else { "master" }
    }

    /// Drops an account as somebody does who takes care: the server lets nobody drop a log-in that is logged in, and leaves users
    /// and jobs behind.
    fn drop_account(&self, name: &str) {
        if self.real.contained() {
            self.real.sql("orders", &format!("DROP USER {};", ident(name)));
            return;
        }
        let sid =
            format!("SELECT CONVERT(nvarchar(172), sid, 1) FROM sys.server_principals WHERE name = {}", literal(name));
        let sid = self.real.ask("master", &sid);
        self.end_sessions(name);
        for database in ["master", "orders", "billing"] {
            let user = self.real.ask(database, &format!("SELECT name FROM sys.database_principals WHERE sid = {sid}"));
            if user != "nothing" {
                self.real.sql(database, &format!("DROP USER {};", ident(&user)));
            }
        }
        let job = literal(&format!("mayfly {name}"));
        if self.real.ask("msdb", &format!("SELECT COUNT(*) FROM dbo.sysjobs WHERE name = {job}")) != "0" {
            self.real.sql("msdb", &format!("EXEC dbo.sp_delete_job @job_name = {job};"));
        }
        self.real.sql("master", &format!("DROP LOGIN {};", ident(name)));
    }

    fn end_sessions(&self, name: &str) {
        let sql = format!(
            "SELECT CONVERT(int, session_id) FROM sys.dm_exec_sessions WHERE original_login_name = {}",
            literal(name)
        );
        loop {
            let sessions = self.real.admin("master", &sql).unwrap();
            if sessions.is_empty() {
                return;
            }
            for row in sessions {
                // It may have ended by itself.
                let _ = self.real.admin("master", &format!("KILL {};", row[0]));
            }
            std::thread::yield_now();
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
        // With log-ins a group is a role of the server.
        let group = group.map(|group| if self.real.contained() { group.to_owned() } else { ident(group) });
        Wish {
            place: place(&self.real, self.real.port()),
            ..self.real.wish(account, group.as_deref(), self.real.settings())
        }
    }

    async fn create_account(&self, name: &str) {
        if self.real.contained() {
            self.real.sql("orders", &format!("CREATE USER {} WITH PASSWORD = N'{PASSWORD}';", ident(name)));
        } else {
            self.real.sql("master", &format!("CREATE LOGIN {} WITH PASSWORD = N'{PASSWORD}';", ident(name)));
        }
    }

    async fn create_group(&self, name: &str) {
        let kind = if self.real.contained() { "ROLE" } else { "SERVER ROLE" };
        self.real.sql(self.database(), &format!("CREATE {kind} {};", ident(name)));
    }

    async fn add_member(&self, account: &str, group: &str) {
        let kind = if self.real.contained() { "ROLE" } else { "SERVER ROLE" };
        self.real.sql(self.database(), &format!("ALTER {kind} {} ADD MEMBER {};", ident(group), ident(account)));
    }

    async fn is_member(&self, account: &str, group: &str) -> bool {
        let (members, principals) = if self.real.contained() {
            ("sys.database_role_members", "sys.database_principals")
        } else {
            ("sys.server_role_members", "sys.server_principals")
        };
        let (account, group) = (literal(account), literal(group));
        let sql = format!(
            "SELECT COUNT(*) FROM {members} AS m JOIN {principals} AS r ON r.principal_id = m.role_principal_id
             JOIN {principals} AS p ON p.principal_id = m.member_principal_id WHERE r.name = {group} AND p.name = {account}"
        );
        self.real.ask(self.database(), &sql) != "0"
    }

    async fn remove_account(&self, name: &str) {
        self.drop_account(name);
    }

    async fn rename_account(&self, from: &str, to: &str) -> bool {
        let kind = if self.real.contained() { "USER" } else { "LOGIN" };
        self.real.sql(self.database(), &format!("ALTER {kind} {} WITH NAME = {};", ident(from), ident(to)));
        true
    }

    async fn has_account(&self, name: &str) -> bool {
        let principals = if self.real.contained() { "sys.database_principals" } else { "sys.server_principals" };
        self.real.ask(self.database(), &format!("SELECT COUNT(*) FROM {principals} WHERE name = {}", literal(name)))
            != "0"
    }

    async fn own_something(&self, account: &str, _secret: &Secret) {
        self.real.sql("orders", &format!("CREATE SCHEMA {} AUTHORIZATION {};", ident(account), ident(account)));
    }

    async fn log_in(&self, account: &str, secret: Option<&Secret>) -> Option<Box<dyn Visitor>> {
        let password = secret.map_or(PASSWORD, Secret::expose);
        let mut guest = log_in(&self.real, account, password, self.database()).await.ok()?;
        let id = guest.id().await;
        Some(Box::new(Session { guest, id }))
    }

    async fn now(&self) -> WallTime {
        let sql = "SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME())";
        WallTime::from_micros(self.real.ask("master", sql).parse().unwrap())
    }

    async fn snapshot(&self) -> String {
        self.real.snapshot()
    }

    /// A log-in with a password has no backslash in its name (CREATE LOGIN).
    fn awkward_name(&self) -> String {
        r#"o'h"a]r] N'x'; DROP LOGIN [sa] -- /,"#.to_owned()
    }

    async fn deadline_of(&self, _account: &str) -> Option<WallTime> {
        None
    }
}

/// A session of the driver's.
struct Session {
    guest: Guest,
    id: String,
}

#[async_trait]
impl Visitor for Session {
    fn native(&self) -> String {
        self.id.clone()
    }

    async fn is_alive(&mut self) -> bool {
        self.guest.ask("SELECT 1").await.is_ok()
    }
}

mod as_sa {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(0));
}

mod with_least_privilege {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(1));
}

mod contained {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(2));
}
