//! PostgreSQL for the engine's rows.

use super::kind::{Kind, Raw, place_of};
use crate::raw;
use crate::tls::Address;
use anyhow::Result;
use async_trait::async_trait;
use mayfly_domain::Place;
use mayfly_testbed::{Flavour, Login, Options, Postgres as Server, admin, fixtures};
use std::sync::Arc;
use std::time::Duration;

/// The accounts of sessions and raw ones.
const LEFT: &str = "select count(*) from pg_roles where rolname like 'keeper%' or rolname ~ '^raw_[0-9]+$'";

/// Waited for its start.
const START: Duration = Duration::from_secs(60);

/// A server of its own.
pub(super) struct Postgres {
    server: Server,
    admin: Login,
}

impl Postgres {
    /// Starts one, durable as PostgreSQL is by default.
    pub(super) async fn start() -> Result<Option<Arc<dyn Kind>>> {
        let server = Server::start(Options { deadline: START, ..Options::new(Flavour::Debian15) })?;
        // What every statement costs is to be seen, not what the log of it costs.
        server.psql(&["-c", "ALTER ROLE ALL SET log_statement = 'none'"])?;
        fixtures::create(&server).await?;
        let admin = admin::create(&server, &fixtures::ROLES, &fixtures::DATABASES).await?;
        Ok(Some(Arc::new(Self { server, admin })))
    }
}

#[async_trait]
impl Kind for Postgres {
    fn title(&self) -> &'static str {
        "PostgreSQL"
    }

    fn provider(&self) -> &'static str {
        "postgresql"
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
        let address = Address::new(self.server.port(), self.server.ca_pem())?;
        Ok(Box::new(raw::Raw::at(&address, &self.admin).await?))
    }

    async fn fill(&self, accounts: usize) -> Result<()> {
        let make = format!(
            "DO $$ BEGIN FOR n IN 1..{accounts} LOOP EXECUTE format('CREATE ROLE %I LOGIN IN ROLE readonly', 'there_' || n); \
             END LOOP; END $$"
        );
        self.server.psql(&["-c", &make, "-c", "ANALYZE pg_authid", "-c", "ANALYZE pg_auth_members"])?;
        Ok(())
    }

    async fn left(&self) -> Result<usize> {
        Ok(self.server.psql(&["-At", "-c", LEFT])?.trim().parse()?)
    }
}

#[async_trait]
impl Raw for raw::Raw {
    async fn cycle(&mut self) -> Result<()> {
        self.remove(&self.make().await?).await
    }
}
