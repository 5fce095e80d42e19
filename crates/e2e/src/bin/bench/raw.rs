//! What everything is compared with: the statements of one session, sent as the administrator over an open connection.

use crate::tls::Address;
use crate::world::World;
use anyhow::{Context, Result};
use mayfly_testbed::Login;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_postgres::Client;

/// The password of every account that is made here.
const PASSWORD: &str = "raw-of-a-throw-away-server";

/// The statements that make an account, as the provider sends them (`crates/providers/src/postgres`), each line one request:
/// make it, look at it. The verifier is that of [`PASSWORD`].
const MAKE: [&str; 2] = [
    "SELECT pg_advisory_xact_lock({key}); \
     DO LANGUAGE plpgsql 'BEGIN IF clock_timestamp() >= ''2100-01-01''::timestamptz THEN RAISE EXCEPTION ''late''; END IF; END'; \
     CREATE ROLE \"{name}\" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT PASSWORD \
     'SCRAM-SHA-256$1:DbojgYsC3eSxeuDl0OEyvw==$qdml2hIbmavM2L325+mGabp/yK6y/udAwekEaXKEYh0=:CmkVKeJ5DS5Qyh3urd+iWMLVBsA88bQqmNrqkg7lZW4=' \
     VALID UNTIL '2100-01-01' CONNECTION LIMIT 20 IN ROLE readonly; \
     COMMENT ON ROLE \"{name}\" IS 'mark of the benchmark'; SELECT oid, true FROM pg_roles WHERE rolname = '{name}'",
    "SELECT clock_timestamp(), oid, rolcanlogin, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{name}'",
];

/// Those that take it away: close it to log-in, end its sessions, remove it, look again.
const REMOVE: [&str; 4] = [
    "BEGIN; DO LANGUAGE plpgsql 'BEGIN EXECUTE format(''ALTER ROLE %I NOLOGIN'', ''{name}''); END'; COMMIT; SELECT clock_timestamp()",
    "BEGIN; DO LANGUAGE plpgsql 'BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ''{name}''; END'; COMMIT; SELECT clock_timestamp()",
    "BEGIN; DO LANGUAGE plpgsql 'BEGIN PERFORM pg_advisory_xact_lock({key}); EXECUTE format(''DROP ROLE %I'', ''{name}''); END'; COMMIT; SELECT clock_timestamp()",
    "SELECT pg_advisory_xact_lock_shared({key}); \
     SELECT clock_timestamp(), r.oid FROM (VALUES (true)) one LEFT JOIN pg_roles r ON r.rolname = '{name}'; \
     SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}'",
];

/// How many accounts were made, so that no name and no lock is used twice.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// An account that was made without Mayfly.
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    key: usize,
}

impl Account {
    /// Connects as this account, to the target itself.
    pub(crate) async fn connect(&self, target: &Address) -> Result<(Client, tokio::task::JoinHandle<()>)> {
        target.connect(&self.name, PASSWORD).await
    }
}

/// An administrator's connection.
pub(crate) struct Raw(Client);

impl Raw {
    /// Connects as the administrator.
    pub(crate) async fn open(world: &World) -> Result<Self> {
        Self::at(&world.target, &world.admin).await
    }

    /// Connects to a target as this administrator.
    pub(crate) async fn at(target: &Address, admin: &Login) -> Result<Self> {
        Ok(Self(target.connect(&admin.user, &admin.password).await?.0))
    }

    /// Makes an account.
    pub(crate) async fn make(&self) -> Result<Account> {
        let key = MADE.fetch_add(1, Ordering::Relaxed);
        let account = Account { name: format!("raw_{key}"), key };
        self.send(&MAKE, &account).await?;
        Ok(account)
    }

    /// Takes an account away.
    pub(crate) async fn remove(&self, account: &Account) -> Result<()> {
        self.send(&REMOVE, account).await
    }

    /// Ends every connection of the accounts whose names are like this, with one statement.
    pub(crate) async fn cut(&self, like: &str) -> Result<()> {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE $1";
        self.0.query_one(sql, &[&like]).await.context("a raw cut")?;
        Ok(())
    }

    async fn send(&self, statements: &[&str], account: &Account) -> Result<()> {
        for statement in statements {
            let sql = statement.replace("{name}", &account.name).replace("{key}", &account.key.to_string());
            self.0.batch_execute(&sql).await.context("a raw statement")?;
        }
        Ok(())
    }
}
