//! What the benchmark runs on: a PostgreSQL, an installation with one record and many persons, a PgBouncer.

use crate::figures;
use crate::tls::Address;
use anyhow::{Context, Result, ensure};
use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::{Installation, Server};
use mayfly_testbed::{Flavour, Login, Options, PgBouncer, PoolMode, Postgres, admin, fixtures};
use rustix::process::Signal;
use std::collections::HashSet;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How many connections one session may have: enough for the idle ones.
const CONNECTIONS: u16 = 250;

/// How many connections the target takes: one for each of the sessions that expire at one moment, and some for administrators
/// and those who look.
const TARGET_CONNECTIONS: u32 = 1200;

/// How often the target is looked at where milliseconds matter.
pub(crate) const LOOKS: Duration = Duration::from_millis(2);

/// The password of the direct account.
const DIRECT: &str = "bench-of-a-throw-away-server";

/// The accounts that exist for a session.
const ACCOUNTS: &str = "select rolname::text from pg_roles where rolname like 'keeper%' or rolname ~ '^raw_[0-9]+$'";

/// Everything that is started. Dropping it ends all.
pub(crate) struct World {
    running: Mutex<Option<Server>>,
    pub(crate) installation: Installation,
    pub(crate) bouncer: PgBouncer,
    pub(crate) postgres: Postgres,
    /// The administrator, for raw statements.
    pub(crate) admin: Login,
    /// The account that goes round us.
    pub(crate) direct: Login,
    /// Who there is.
    names: Vec<String>,
    /// One way in for each person.
    pub(crate) tickets: Vec<Ticket>,
    /// Where Mayfly is.
    pub(crate) broker: Address,
    /// Where the target is.
    pub(crate) target: Address,
    /// The server's resident memory before and after everybody signed in, in KiB.
    pub(crate) resident_at_sign_ins: (f64, f64),
    /// The load average of a minute before that.
    pub(crate) load_at_sign_ins: String,
}

impl World {
    /// Starts everything, with so many persons.
    pub(crate) async fn start(persons: usize) -> Result<Self> {
        let postgres =
            Postgres::start(Options { max_connections: TARGET_CONNECTIONS, ..Options::new(Flavour::Debian15) })?;
        // What every statement costs is to be seen, not what the log of it costs.
        postgres.psql(&["-c", "ALTER ROLE ALL SET log_statement = 'none'"])?;
        fixtures::create(&postgres).await?;
        let admin = admin::create(&postgres, &fixtures::ROLES, &fixtures::DATABASES).await?;
        let direct = Login { user: "direct".to_owned(), password: DIRECT.to_owned() };
        postgres.psql(&["-c", &format!("CREATE ROLE direct LOGIN PASSWORD '{DIRECT}' IN ROLE readonly")])?;
        fill(&postgres)?;
        let bouncer = PgBouncer::start(&postgres, PoolMode::Session, std::slice::from_ref(&direct), 40)?;
        let installation = Installation::init()?;
        let running = installation.start()?;
        let names: Vec<String> = (0..persons).map(|number| format!("person{number}")).collect();
        let people: Vec<&str> = names.iter().map(String::as_str).collect();
        objects::apply(&installation, postgres.handle(), &admin, &people, &[(record("8h"), None)])?;
        let (load_at_sign_ins, before) = (figures::load_of_a_minute(), figures::resident(running.pid())?);
        let tickets = tickets(&installation, &names, "orders")?;
        let resident_at_sign_ins = (before, figures::resident(running.pid())?);
        let broker = Address::new(installation.postgres_port, &std::fs::read_to_string(installation.ca())?)?;
        let target = Address::new(postgres.port(), postgres.ca_pem())?;
        let running = Mutex::new(Some(running));
        Ok(Self {
            running,
            installation,
            bouncer,
            postgres,
            admin,
            direct,
            names,
            tickets,
            broker,
            target,
            resident_at_sign_ins,
            load_at_sign_ins,
        })
    }

    /// Sessions that are launched from now on last so long.
    pub(crate) fn let_sessions_last(&self, duration: Duration) -> Result<()> {
        let duration = format!("{}s", duration.as_secs());
        let ca = self.postgres.ca_path();
        let yaml = record(&duration).yaml(self.postgres.handle(), ca.to_str().context("a path that is text")?);
        self.installation.must(&["apply", "-f", "-"], &yaml)?;
        Ok(())
    }

    /// Makes so many records of the same database, whose sessions wait for another connection as long as they last, and signs
    /// everybody in to each.
    pub(crate) fn lingering_tickets(&self, records: usize, duration: Duration) -> Result<Vec<Ticket>> {
        let length = format!("{}s", duration.as_secs());
        let names: Vec<String> = (0..records).map(|number| format!("lingering{number}")).collect();
        let records = names.iter().map(|name| {
            let record = Record { duration: &length, linger: &length, ..Record::new(name) };
            (record, None)
        });
        let people: Vec<&str> = self.names.iter().map(String::as_str).collect();
        objects::apply(&self.installation, self.postgres.handle(), &self.admin, &people, &records.collect::<Vec<_>>())?;
        let mut all = Vec::new();
        for name in &names {
            all.extend(tickets(&self.installation, &self.names, name)?);
        }
        Ok(all)
    }

    /// Holds the server still, or lets it go on.
    pub(crate) fn hold(&self, signal: Signal) -> Result<()> {
        self.running().as_ref().context("no server runs")?.signal(signal)
    }

    /// Stops the server in order and starts it again. Returns its process id.
    pub(crate) fn restart(&self) -> Result<u32> {
        let mut running = self.running();
        running.take().context("no server runs")?.stop()?;
        let pid = running.insert(self.installation.start()?).pid();
        Ok(pid)
    }

    fn running(&self) -> MutexGuard<'_, Option<Server>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sessions that are not ended, with their accounts; the command line reads them page by page.
    pub(crate) fn sessions(&self) -> Result<Vec<(String, String)>> {
        let listed = self.installation.json(&["sessions", "ls"])?;
        let items = listed["items"].as_array().context("a list of sessions")?;
        let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        Ok(items.iter().map(|item| (text(item, "id"), text(item, "account"))).collect())
    }

    /// Waits until the server itself has seen that every session's traces are gone.
    pub(crate) async fn nothing_is_owed(&self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        while !self.sessions()?.is_empty() {
            ensure!(start.elapsed() < limit, "sessions stay in the server's list");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let owed = self.installation.json(&["cleanup", "ls"])?;
        ensure!(owed["items"].as_array().is_some_and(Vec::is_empty), "something is owed: {owed}");
        Ok(())
    }

    /// What everything is that was measured, with its versions.
    pub(crate) fn versions(&self) -> Result<String> {
        let first = |text: &str| text.lines().next().unwrap_or_default().trim().to_owned();
        let bouncer = Command::new("/usr/sbin/pgbouncer").arg("--version").output()?;
        let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
        Ok([
            first(&self.installation.must(&["--version"], "")?),
            format!("PostgreSQL {}", first(&self.postgres.psql(&["-c", "show server_version"])?)),
            first(&String::from_utf8_lossy(&bouncer.stdout)),
            format!("Linux {}", first(&std::fs::read_to_string("/proc/sys/kernel/osrelease")?)),
            first(model.trim_start_matches([' ', '\t', ':'])),
        ]
        .join("; "))
    }

    /// Waits until no account of ours is on the target.
    pub(crate) async fn settle(&self) -> Result<()> {
        let mut accounts = self.watch_accounts(LOOKS).await?;
        let empty = accounts.wait_for(|seen| seen.is_empty());
        tokio::time::timeout(Duration::from_secs(60), empty).await.context("accounts stay on the target")??;
        Ok(())
    }

    /// The accounts that were made here, by Mayfly or raw, looked at with these pauses by a connection of its own for as long
    /// as somebody listens.
    pub(crate) async fn watch_accounts(&self, pause: Duration) -> Result<watch::Receiver<Arc<HashSet<String>>>> {
        let client = self.postgres.client("postgres").await?;
        let query = client.prepare(ACCOUNTS).await?;
        let look = async move |client: &tokio_postgres::Client| -> Result<Arc<HashSet<String>>> {
            let rows = client.query(&query, &[]).await?;
            Ok(Arc::new(rows.iter().map(|row| row.get(0)).collect()))
        };
        let (sender, receiver) = watch::channel(look(&client).await?);
        tokio::spawn(async move {
            while !sender.is_closed() {
                tokio::time::sleep(pause).await;
                match look(&client).await {
                    Ok(seen) => sender.send_replace(seen),
                    Err(_) => return,
                };
            }
        });
        Ok(receiver)
    }
}

/// The record that is opened.
fn record(duration: &str) -> Record<'_> {
    Record { duration, linger: "0s", connections: CONNECTIONS, ..Record::new("orders") }
}

/// The table of pgbench.
fn fill(postgres: &Postgres) -> Result<()> {
    let mut pgbench = Command::new("/usr/lib/postgresql/15/bin/pgbench");
    pgbench.args(["--initialize", "--scale=1", "--quiet", "orders"]).env("PGUSER", "postgres");
    pgbench.env("PGHOST", postgres.socket_dir()).env("PGPORT", postgres.port().to_string());
    let output = pgbench.output().context("pgbench cannot be started")?;
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    postgres.psql(&["-d", "orders", "-c", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO readonly"])?;
    Ok(())
}

/// Signs every person in, a few at a time.
fn tickets(installation: &Installation, names: &[String], record: &str) -> Result<Vec<Ticket>> {
    let start = Instant::now();
    let got: Vec<Result<Vec<Ticket>>> = std::thread::scope(|scope| {
        let parts = names
            .chunks(names.len().div_ceil(4))
            .map(|part| scope.spawn(move || part.iter().map(|name| Ticket::get(installation, name, record)).collect()));
        let parts: Vec<_> = parts.collect();
        let joined = parts.into_iter().map(|part| part.join());
        joined.map(|part| part.unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))).collect()
    });
    let mut tickets = Vec::new();
    for part in got {
        tickets.extend(part?);
    }
    eprintln!("{} persons signed in within {:.1} s", tickets.len(), start.elapsed().as_secs_f64());
    Ok(tickets)
}
