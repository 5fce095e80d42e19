//! What the benchmark runs on: a PostgreSQL, an installation with one record and many persons, a PgBouncer.

use crate::tls::Address;
use anyhow::{Context, Result, ensure};
use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::{Installation, Server};
use mayfly_testbed::{Flavour, Login, Options, PgBouncer, PoolMode, Postgres, admin, fixtures};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How many connections one session may have: enough for 1,000 idle ones.
const CONNECTIONS: u16 = 1000;

/// The password of the direct account.
const DIRECT: &str = "bench-of-a-throw-away-server";

/// Everything that is started. Dropping it ends all.
pub(crate) struct World {
    pub(crate) running: Server,
    pub(crate) installation: Installation,
    pub(crate) bouncer: PgBouncer,
    pub(crate) postgres: Postgres,
    /// The administrator, for raw statements.
    pub(crate) admin: Login,
    /// The account that goes round us.
    pub(crate) direct: Login,
    /// One way in for each person.
    pub(crate) tickets: Vec<Ticket>,
    /// Where Mayfly is.
    pub(crate) broker: Address,
    /// Where the target is.
    pub(crate) target: Address,
}

impl World {
    /// Starts everything, with so many persons.
    pub(crate) async fn start(persons: usize) -> Result<Self> {
        let postgres = Postgres::start(Options { max_connections: 1300, ..Options::new(Flavour::Debian15) })?;
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
        let record = Record { duration: "8h", linger: "0s", connections: CONNECTIONS, ..Record::new("orders") };
        objects::apply(&installation, &postgres, &admin, &people, &[(record, None)])?;
        let tickets = tickets(&installation, &names)?;
        let broker = Address::new(installation.postgres_port, &std::fs::read_to_string(installation.ca())?)?;
        let target = Address::new(postgres.port(), postgres.ca_pem())?;
        Ok(Self { running, installation, bouncer, postgres, admin, direct, tickets, broker, target })
    }

    /// Waits until no account of ours is on the target.
    pub(crate) async fn settle(&self) -> Result<()> {
        let mut accounts = self.watch_accounts().await?;
        let empty = accounts.wait_for(|seen| seen.is_empty());
        tokio::time::timeout(Duration::from_secs(60), empty).await.context("accounts stay on the target")??;
        Ok(())
    }

    /// The accounts of ours, looked at every two milliseconds by a connection of its own for as long as somebody listens.
    pub(crate) async fn watch_accounts(&self) -> Result<watch::Receiver<Arc<HashSet<String>>>> {
        let client = self.postgres.client("postgres").await?;
        let query = client.prepare("select rolname::text from pg_roles where rolname like 'keeper%'").await?;
        let look = async move |client: &tokio_postgres::Client| -> Result<Arc<HashSet<String>>> {
            let rows = client.query(&query, &[]).await?;
            Ok(Arc::new(rows.iter().map(|row| row.get(0)).collect()))
        };
        let (sender, receiver) = watch::channel(look(&client).await?);
        tokio::spawn(async move {
            while !sender.is_closed() {
                tokio::time::sleep(Duration::from_millis(2)).await;
                match look(&client).await {
                    Ok(seen) => sender.send_replace(seen),
                    Err(_) => return,
                };
            }
        });
        Ok(receiver)
    }
}

/// The table of pgbench.
fn fill(postgres: &Postgres) -> Result<()> {
    let mut pgbench = std::process::Command::new("/usr/lib/postgresql/15/bin/pgbench");
    pgbench.args(["--initialize", "--scale=1", "--quiet", "orders"]).env("PGUSER", "postgres");
    pgbench.env("PGHOST", postgres.socket_dir()).env("PGPORT", postgres.port().to_string());
    let output = pgbench.output().context("pgbench cannot be started")?;
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    postgres.psql(&["-d", "orders", "-c", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO readonly"])?;
    Ok(())
}

/// Signs every person in, a few at a time.
fn tickets(installation: &Installation, names: &[String]) -> Result<Vec<Ticket>> {
    let start = Instant::now();
    let got: Vec<Result<Vec<Ticket>>> = std::thread::scope(|scope| {
        let parts = names.chunks(names.len().div_ceil(4)).map(|part| {
            scope.spawn(move || part.iter().map(|name| Ticket::get(installation, name, "orders")).collect())
        });
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
