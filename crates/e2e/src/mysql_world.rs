//! A server of MySQL or MariaDB of one's own with everything on it that scenarios need, an installation beside it, its own clients
//! through the broker, and the comparison of what the server knows of accounts with what that was.

use crate::objects::{self, PASSWORD, Record};
use crate::{Installation, Prompt, Server, wait};
use anyhow::{Context, Result, ensure};
use mayfly_testbed::mysql::{Flavour, Options, pool, quote_literal, snapshot, tool};
use mayfly_testbed::{Login, Mysql};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How long the way out may take on a machine with other work.
const OUT_LIMIT: Duration = Duration::from_secs(60);

/// A target and an installation that serves it.
#[derive(Debug)]
pub struct MysqlWorld {
    server: pool::Lent,
    /// The existing account `app`.
    pub app: Login,
    /// The installation.
    pub installation: Arc<Installation>,
    before: String,
}

/// What a native client needs.
#[derive(Debug, Clone)]
pub struct MysqlTicket {
    family: Flavour,
    user: String,
    secret: String,
    port: u16,
    ca: PathBuf,
}

impl MysqlWorld {
    /// Starts a target with the fixtures and the account `app`, makes an installation and notes what the server knows.
    ///
    /// # Errors
    /// When anything of it does not work.
    pub fn new(flavour: Flavour) -> Result<Self> {
        let server = pool::own(Options { durable: false, ..Options::new(flavour) })?;
        let app = Login { user: "app".to_owned(), password: "of app 7d1f04c2".to_owned() };
        let password = quote_literal(&app.password);
        server.sql(
            "",
            &format!("SET SESSION sql_log_off = 1; CREATE USER app@'127.0.0.1' IDENTIFIED BY {password} REQUIRE SSL"),
        )?;
        let before = snapshot::take(server.handle())?;
        Ok(Self { server, app, installation: Arc::new(Installation::init()?), before })
    }

    /// The target.
    #[must_use]
    pub fn server(&self) -> &Mysql {
        self.server.deref()
    }

    /// Starts the server and applies people and records.
    ///
    /// # Errors
    /// What the command line says.
    pub fn serve(&self, people: &[&str], records: &[(Record<'_>, Option<&Login>)]) -> Result<Server> {
        let running = self.installation.start()?;
        objects::apply(&self.installation, self.server.handle(), self.server.admin(), people, records)?;
        Ok(running)
    }

    /// A connect secret, from the command line.
    ///
    /// # Errors
    /// What it says.
    pub fn ticket(&self, person: &str, record: &str) -> Result<MysqlTicket> {
        let arguments = ["-o", "json", "connect", record, "--person", person, "--password-file", "-"];
        let answer = self.installation.must(&arguments, &format!("{PASSWORD}\n"))?;
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        let text = |field: &str| answer[field].as_str().map(str::to_owned).context("a field of the answer");
        let port = answer["port"].as_u64().and_then(|port| u16::try_from(port).ok()).context("a port")?;
        let family = self.server.flavour();
        Ok(MysqlTicket { family, user: text("user")?, secret: text("secret")?, port, ca: self.installation.ca() })
    }

    /// Asks the target as root.
    ///
    /// # Errors
    /// What it says.
    pub fn ask(&self, statement: &str) -> Result<String> {
        self.server.sql("", statement)
    }

    /// How many accounts of ours are on the target.
    ///
    /// # Errors
    /// What it says.
    pub fn accounts(&self) -> Result<usize> {
        Ok(self.ask("SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'keeper\\_%'")?.parse()?)
    }

    /// How many sessions there are on the target of accounts that are called like this.
    ///
    /// # Errors
    /// What it says.
    pub fn sessions_of(&self, like: &str) -> Result<usize> {
        let query = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE user LIKE '{like}'");
        Ok(self.ask(&query)?.parse()?)
    }

    /// Whether `app` has a role, as the server says.
    ///
    /// # Errors
    /// What it says.
    pub fn has_role(&self, role: &str) -> Result<bool> {
        Ok(self
            .ask("SHOW GRANTS FOR app@'127.0.0.1'")?
            .lines()
            .any(|line| line.starts_with(&format!("GRANT `{role}`"))))
    }

    /// Waits until every session is out and expects the target to be as it was.
    ///
    /// # Errors
    /// The difference.
    pub fn as_before(&self, what: &str) -> Result<()> {
        let out = || {
            Ok(self.installation.sessions()?.is_empty()
                && self.installation.owed()?.is_empty()
                && self.accounts()? == 0)
        };
        wait::until("every session is out", OUT_LIMIT, out)
            .with_context(|| format!("{what}\n{}", self.installation.log()))?;
        let difference = mayfly_testbed::snapshot::diff(&self.before, &snapshot::take(self.server.handle())?);
        ensure!(difference.is_empty(), "{what} left something:\n{difference}");
        Ok(())
    }
}

impl MysqlTicket {
    /// A tool of the target's own family that connects through the broker: the secret never stands among its arguments.
    ///
    /// # Errors
    /// When it is missing.
    pub fn tool(&self, name: &str) -> Result<Command> {
        let mut command = tool(self.family, name)?;
        command.args(["--no-defaults", "--protocol=tcp", "--host=localhost"]);
        command.arg(format!("--port={}", self.port)).arg(format!("--user={}", self.user));
        command.arg(format!("--ssl-ca={}", self.ca.display()));
        command.arg(match self.family {
            Flavour::MariaDb => "--ssl-verify-server-cert",
            Flavour::MySql => "--ssl-mode=VERIFY_IDENTITY",
        });
        command.env("MYSQL_PWD", &self.secret);
        Ok(command)
    }

    fn client(&self) -> Result<Command> {
        let mut command = self.tool(match self.family {
            Flavour::MariaDb => "mariadb",
            Flavour::MySql => "mysql",
        })?;
        command.args(["--batch", "--skip-column-names", "--unbuffered", "--skip-reconnect"]);
        Ok(command)
    }

    /// Runs one statement in a client of its own.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn run(&self, statement: &str) -> Result<Output> {
        Ok(self.client()?.arg(format!("--execute={statement}")).stdin(Stdio::null()).output()?)
    }

    /// Runs one statement and expects it to succeed.
    ///
    /// # Errors
    /// What the client says.
    pub fn query(&self, statement: &str) -> Result<String> {
        let output = self.run(statement)?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Opens a client that stays.
    ///
    /// # Errors
    /// When it does not connect.
    pub fn open(&self) -> Result<Prompt> {
        let mut client = self.start()?;
        client.query("select 'open'").context("the client did not connect")?;
        Ok(client)
    }

    /// Starts a client and does not wait until it is connected.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn start(&self) -> Result<Prompt> {
        Prompt::start(&mut self.client()?, ";", "select '{}';")
    }
}
