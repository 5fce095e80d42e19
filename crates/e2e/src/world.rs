//! A target of one's own with everything on it that scenarios need, an installation beside it, and the comparison of the
//! target's catalogues with what they were.

use crate::client::Ticket;
use crate::objects::{self, Record};
use crate::{Installation, Server, wait};
use anyhow::{Context, Result, ensure};
use mayfly_testbed::{Flavour, Login, Options, Postgres, admin, fixtures, snapshot};
use std::sync::Arc;
use std::time::Duration;

/// How long the way out may take on a machine with other work.
const OUT_LIMIT: Duration = Duration::from_secs(30);

/// The roles that our mark says are ours; a name proves nothing.
pub const OURS: &str = "FROM pg_roles r WHERE shobj_description(r.oid, 'pg_authid') LIKE 'mayfly ins\\_%'";

/// A target and an installation that serves it.
#[derive(Debug)]
pub struct World {
    /// The target.
    pub server: Postgres,
    /// The administrator without superuser.
    pub admin: Login,
    /// The existing account `app`.
    pub app: Login,
    /// The existing account `insider`, which is in role `readonly` already.
    pub insider: Login,
    /// The installation, which may serve other targets too.
    pub installation: Arc<Installation>,
    before: String,
}

impl World {
    /// Starts a target, sets it up with `setup` besides the fixtures, makes an installation and notes what the catalogues
    /// hold. The server of the installation is started by the caller.
    ///
    /// # Errors
    /// When anything of it does not work.
    pub async fn new(flavour: Flavour, setup: &str) -> Result<Self> {
        let mut options = Options::new(flavour);
        options.fsync = false;
        let server = Postgres::start(options)?;
        fixtures::create(server.handle()).await?;
        let admin = admin::create(server.handle(), &fixtures::ROLES, &fixtures::DATABASES).await?;
        let login = |user: &str| -> Result<Login> {
            Ok(Login { user: user.to_owned(), password: format!("of {user} 7d1f04c2") })
        };
        let (app, insider) = (login("app")?, login("insider")?);
        // Who ends what others opened as a lifted account has to see since when it runs.
        let client = server.client("postgres").await?;
        let accounts = format!(
            "SET log_statement = 'none'; CREATE ROLE app LOGIN PASSWORD '{}'; CREATE ROLE insider LOGIN PASSWORD '{}'; \
             GRANT readonly TO insider; GRANT pg_read_all_stats TO mayfly_admin",
            app.password, insider.password
        );
        client.batch_execute(&accounts).await?;
        if !setup.is_empty() {
            client.batch_execute(setup).await.context("the target cannot be set up")?;
        }
        drop(client);
        let before = snapshot::take(server.handle()).await?;
        Ok(Self { server, admin, app, insider, installation: Arc::new(Installation::init()?), before })
    }

    /// Notes what the catalogues hold from now on as what they were.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn settle(&mut self) -> Result<()> {
        self.before = snapshot::take(self.server.handle()).await?;
        Ok(())
    }

    /// Starts the server and applies people and records.
    ///
    /// # Errors
    /// What the command line says.
    pub fn serve(&self, people: &[&str], records: &[(Record<'_>, Option<&Login>)]) -> Result<Server> {
        let running = self.installation.start()?;
        objects::apply(&self.installation, self.server.handle(), &self.admin, people, records)?;
        Ok(running)
    }

    /// A connect secret.
    ///
    /// # Errors
    /// What the command line says.
    pub fn ticket(&self, person: &str, record: &str) -> Result<Ticket> {
        Ticket::get(&self.installation, person, record)
    }

    /// Asks the target as its superuser.
    ///
    /// # Errors
    /// What psql says.
    pub fn ask(&self, statement: &str) -> Result<String> {
        Ok(self.server.psql(&["-c", statement])?.trim().to_owned())
    }

    /// How many accounts of ours are on the target.
    ///
    /// # Errors
    /// What psql says.
    pub fn accounts(&self) -> Result<usize> {
        Ok(self.ask(&format!("SELECT count(*) {OURS}"))?.parse()?)
    }

    /// Whether a role has a member, as the catalogue says.
    ///
    /// # Errors
    /// What psql says.
    pub fn is_member(&self, member: &str, role: &str) -> Result<bool> {
        let rows = self.ask(&format!(
            "SELECT count(*) FROM pg_auth_members WHERE member = '{member}'::regrole AND roleid = '{role}'::regrole"
        ))?;
        Ok(rows != "0")
    }

    /// Waits until every session is over and nothing is owed.
    ///
    /// # Errors
    /// When that is not so in time; the text has the server's log.
    pub fn all_out(&self) -> Result<()> {
        let out = || {
            Ok(self.installation.sessions()?.is_empty()
                && self.installation.owed()?.is_empty()
                && self.accounts()? == 0)
        };
        wait::until("every session is out", OUT_LIMIT, out).with_context(|| self.installation.log())
    }

    /// What differs on the target from what it was.
    ///
    /// # Errors
    /// When the catalogues cannot be read.
    pub async fn difference(&self) -> Result<String> {
        Ok(snapshot::diff(&self.before, &snapshot::take(self.server.handle()).await?))
    }

    /// Waits until every session is out and expects the target to be as it was.
    ///
    /// # Errors
    /// The difference.
    pub async fn as_before(&self, what: &str) -> Result<()> {
        self.all_out().context(what.to_owned())?;
        let difference = self.difference().await?;
        ensure!(difference.is_empty(), "{what} left something:\n{difference}");
        Ok(())
    }
}
