//! One administrative connection: dialled, encrypted, logged in, set up so that nothing of the server's or a database's
//! settings reaches our statements, and asked once who the server is.

use super::sql::shown;
use super::trouble::{Trouble, class_of};
use super::wire::{self, Wire};
use crate::meter::Meter;
use crate::pool;
use crate::services::Services;
use async_trait::async_trait;
use mayfly_domain::{Failure, FailureClass, Permit, Place, TargetId};
use mayfly_engine::Tasks;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tiberius::{Client, ColumnData};
use tokio::sync::Mutex;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

/// How long reaching the server may take, and how long TLS and the log-in.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long we wait for the answer to one batch.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);

/// The name of this provider's targets in their identities.
pub(crate) const KIND: &str = "sqlserver";

/// Sent first of all.
const SETUP: &str = include_str!("sql/setup.sql");
/// After a batch that failed, whatever it began.
const CLEAN_UP: &str = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;";

/// `SERVERPROPERTY('EngineEdition')` of Azure SQL Database, and of what else has log-ins or users of its own.
const AZURE: i64 = 5;
const EDITIONS: &[i64] = &[2, 3, 4, AZURE, 8, 9];
/// SQL Server 2016, as `ProductMajorVersion`.
const OLDEST: i64 = 13;

/// The connections that are kept, and one of them in use.
pub(crate) type Pool = pool::Pool<Admin>;
pub(crate) type Lease = pool::Lease<Admin>;

/// Where the work is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// The database whose users carry our mark and in which the locks of changes are taken; with `contained`, the only one.
    pub(crate) database: String,
    /// Whether accounts are users of that database alone, with passwords of their own, and not log-ins of the server.
    pub(crate) contained: bool,
}

impl Home {
    /// As the pool of connections keeps it.
    pub(crate) fn purpose(&self) -> String {
        format!("{}{}", if self.contained { 'c' } else { 's' }, self.database)
    }

    fn of_purpose(purpose: &str) -> Self {
        let contained = purpose.starts_with('c');
        Self { database: purpose.get(1..).unwrap_or_default().to_owned(), contained }
    }
}

/// What a server said of itself and of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its version, as `ProductMajorVersion`.
    pub(crate) major: i64,
    /// Whether it is Azure SQL Database.
    pub(crate) azure: bool,
    /// Who we are logged in as.
    pub(crate) admin: String,
    /// Whether that is a member of sysadmin.
    pub(crate) sysadmin: bool,
    /// The server, or the database where accounts are its users.
    pub(crate) target: TargetId,
    /// Where the work is done.
    pub(crate) home: Home,
}

impl Facts {
    /// Refuses another server than the one that a change was planned for.
    pub(crate) fn require(&self, target: &TargetId) -> Result<(), Failure> {
        if self.target == *target {
            return Ok(());
        }
        Err(Failure::new(
            FailureClass::IdentityChanged,
            format!(
                "another server answers at this address: expected {target}, found {}; nothing was changed",
                self.target
            ),
        ))
    }
}

/// One row of an answer: texts, or nothing where the server says NULL.
pub(crate) type Row = Vec<Option<String>>;

/// An open connection.
pub(crate) struct Admin {
    client: Mutex<Client<Wire>>,
    meter: Meter,
    /// Whether a batch is under way, or ended in a way that leaves the session in doubt.
    busy: AtomicBool,
    pub(crate) facts: Facts,
}

#[async_trait]
impl pool::Admin for Admin {
    const MOST: usize = 4;
    const TASK: &'static str = "sqlserver idle connections";

    /// Whatever the database.
    fn counted_with(_purpose: &str) -> &str {
        ""
    }

    async fn open(
        services: &Services,
        _tasks: &Tasks,
        permit: Permit<'_>,
        place: &Place,
        purpose: &str,
    ) -> Result<Self, Failure> {
        Self::connect(services, permit, place, Home::of_purpose(purpose)).await
    }

    fn is_usable(&self) -> bool {
        !self.busy.load(Ordering::Relaxed)
    }

    async fn answers(&self) -> bool {
        self.run("SELECT 1;").await.is_ok()
    }
}

impl Admin {
    /// Dials, encrypts, logs in and sets up.
    async fn connect(services: &Services, permit: Permit<'_>, place: &Place, home: Home) -> Result<Self, Failure> {
        let destination = &place.destination;
        let endpoint = &destination.endpoint;
        let tls = mayfly_dial::tls_client_config(&destination.trust)
            .map_err(|error| Failure::new(error.class(), error.person_text()))?;
        let credential = services.credentials.fetch(permit, &place.credential, destination).await?;
        let stream = services
            .dialer
            .connect(permit, destination, CONNECT_LIMIT)
            .await
            .map_err(|error| Failure::new(error.class(), error.person_text()))?;
        let meter = Meter::new();
        let config = wire::config(&endpoint.host, Some(&home.database), &credential);
        let shaking = async {
            let wire = wire::prepare(stream, meter.clone(), tls, endpoint, HANDSHAKE_LIMIT).await?;
            let client = Client::connect(config, wire).with_subscriber(NoSubscriber::new()).await;
            client.map_err(|error| of_log_in(&error, place, &home, &credential.login))
        };
        let client = match tokio::time::timeout(HANDSHAKE_LIMIT, shaking).await {
            Ok(client) => client?,
            Err(_elapsed) => {
                let text = format!("{endpoint} did not finish the log-in in time");
                return Err(Failure::new(FailureClass::Unreachable, text));
            }
        };
        let nobody = Facts {
            major: 0,
            azure: false,
            admin: credential.login.clone(),
            sysadmin: false,
            target: TargetId::new(KIND, "unknown"),
            home,
        };
        let mut admin = Self { client: Mutex::new(client), meter, busy: AtomicBool::new(false), facts: nobody };
        admin.facts = admin.introduce().await?;
        Ok(admin)
    }

    /// Sets the session up and asks who the server is.
    async fn introduce(&self) -> Result<Facts, Failure> {
        let doing = "setting up the administrative session";
        let answers = self.run(SETUP).await.map_err(|trouble| trouble.failure(doing, ""))?;
        let read = || {
            let row = answers.last().and_then(|rows| rows.first()).ok_or(Trouble::Garbled)?;
            self.of_setup(row)
        };
        read().map_err(|trouble| trouble.failure(doing, ""))
    }

    /// Reads the answer of the setup.
    fn of_setup(&self, row: &Row) -> Result<Facts, Trouble> {
        let home = &self.facts.home;
        let (edition, major) = (needed(row, 1)?, needed(row, 2)?);
        let azure = edition == AZURE;
        if !EDITIONS.contains(&edition) {
            return Err(conflict(
                "the server is none that Mayfly makes accounts on: SQL Server, Azure SQL Database and Managed Instance are",
            ));
        }
        if major < OLDEST && !azure {
            return Err(conflict("the server is older than SQL Server 2016, the oldest that is supported"));
        }
        if azure && !home.contained {
            return Err(conflict(
                "the server is Azure SQL Database: give the record the settings `contained: true` and `database`",
            ));
        }
        // The database in which we are is the one asked for, unless the server thinks otherwise.
        if home.contained && !yes(row, 9)? && !azure {
            return Err(conflict(&format!(
                "the database takes no users of its own: as a member of sysadmin: EXEC sys.sp_configure N'contained database authentication', 1; \
                 RECONFIGURE; ALTER DATABASE {} SET CONTAINMENT = PARTIAL;",
                shown(&home.database)
            )));
        }
        if !yes(row, 8)? {
            return Err(conflict(&format!(
                "database {} takes no changes here: it is read-only or a secondary replica; give the record the address of the primary",
                shown(&home.database)
            )));
        }
        let (server, guid) = (text(row, 0)?, text(row, if home.contained { 4 } else { 3 })?);
        let plain = |text: &str, most: usize| {
            !text.is_empty()
                && text.len() <= most
                && text.chars().all(|char| char.is_alphanumeric() || "-_.\\$#@".contains(char))
        };
        if !plain(server, 300) || !plain(guid, 36) {
            return Err(Trouble::Garbled);
        }
        Ok(Facts {
            major,
            azure,
            admin: text(row, 5)?.to_owned(),
            sysadmin: yes(row, 6)?,
            target: TargetId::new(KIND, &format!("{server}/{}", guid.to_ascii_lowercase())),
            home: home.clone(),
        })
    }

    /// Runs one batch. Returns the rows of each result set.
    pub(crate) async fn run(&self, sql: &str) -> Result<Vec<Vec<Row>>, Trouble> {
        if self.busy.load(Ordering::Relaxed) {
            return Err(Trouble::NotSent);
        }
        let outcome = self.request(sql).await;
        if matches!(outcome, Err(Trouble::Refused { .. })) {
            self.request(CLEAN_UP).await.map_err(|_| Trouble::Lost)?;
        }
        outcome
    }

    async fn request(&self, sql: &str) -> Result<Vec<Vec<Row>>, Trouble> {
        self.meter.reset();
        // Stays set when this future is dropped half-way.
        self.busy.store(true, Ordering::Relaxed);
        // The driver logs the words of errors, which the server chooses.
        let asked = async {
            let mut client = self.client.lock().await;
            client.simple_query(sql).await?.into_results().await
        }
        .with_subscriber(NoSubscriber::new());
        let outcome = match tokio::time::timeout(REQUEST_LIMIT, asked).await {
            Ok(Ok(results)) => rows(&results),
            Ok(Err(error)) => Err(Trouble::of_batch(&error)),
            Err(_elapsed) => Err(Trouble::Slow),
        };
        if matches!(outcome, Ok(_) | Err(Trouble::Refused { .. } | Trouble::Garbled)) {
            self.busy.store(false, Ordering::Relaxed);
        }
        outcome
    }
}

fn conflict(text: &str) -> Trouble {
    Trouble::Known(Failure::new(FailureClass::Conflict, text))
}

/// Reads result sets.
pub(crate) fn rows(results: &[Vec<tiberius::Row>]) -> Result<Vec<Vec<Row>>, Trouble> {
    results.iter().map(|rows| rows.iter().map(row).collect()).collect()
}

/// Reads a row; only types that our statements ask for.
fn row(row: &tiberius::Row) -> Result<Row, Trouble> {
    row.cells()
        .map(|(_, cell)| {
            Ok(match cell {
                ColumnData::U8(value) => value.map(|value| value.to_string()),
                ColumnData::I16(value) => value.map(|value| value.to_string()),
                ColumnData::I32(value) => value.map(|value| value.to_string()),
                ColumnData::I64(value) => value.map(|value| value.to_string()),
                ColumnData::Bit(value) => value.map(|value| u8::from(value).to_string()),
                ColumnData::String(value) => value.as_ref().map(|value| value.clone().into_owned()),
                _ => return Err(Trouble::Garbled),
            })
        })
        .collect()
}

/// One field as text; a NULL is empty.
pub(crate) fn text(row: &Row, column: usize) -> Result<&str, Trouble> {
    row.get(column).map(|field| field.as_deref().unwrap_or_default()).ok_or(Trouble::Garbled)
}

/// One field as a number, where it is not NULL.
pub(crate) fn number<N: std::str::FromStr>(row: &Row, column: usize) -> Result<Option<N>, Trouble> {
    match row.get(column).ok_or(Trouble::Garbled)? {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| Trouble::Garbled),
    }
}

/// One field as a number.
pub(crate) fn needed<N: std::str::FromStr>(row: &Row, column: usize) -> Result<N, Trouble> {
    number(row, column)?.ok_or(Trouble::Garbled)
}

/// Whether a field says yes.
pub(crate) fn yes(row: &Row, column: usize) -> Result<bool, Trouble> {
    Ok(needed::<i64>(row, column)? != 0)
}

/// The only row of a result set.
pub(crate) fn only(rows: &[Row]) -> Result<&Row, Trouble> {
    rows.first().ok_or(Trouble::Garbled)
}

/// Sorts what went wrong before the session was there. Nothing was sent but the log-in.
fn of_log_in(error: &tiberius::error::Error, place: &Place, home: &Home, admin: &str) -> Failure {
    let endpoint = &place.destination.endpoint;
    match error {
        tiberius::error::Error::Server(token) => {
            let number = token.code();
            let text = match number {
                4060 | 4064 | 911 => format!(
                    "{endpoint} lets {} into no database {}: correct the record's setting `database`, or make a user for it there",
                    shown(admin),
                    shown(&home.database)
                ),
                _ if class_of(number) == FailureClass::CredentialsRefused => {
                    let record = &place.credential.record;
                    format!(
                        "{endpoint} refuses {} with the administrative credential of user record {record} (error {number}): set the right \
                         secret with `mayfly secret set {record}`, correct its `login`, or let the server take log-ins with passwords",
                        shown(admin)
                    )
                }
                _ => format!("{endpoint} refuses the log-in (error {number})"),
            };
            Failure::new(class_of(number), text)
        }
        tiberius::error::Error::Io { .. } => {
            Failure::new(FailureClass::Unreachable, format!("the connection to {endpoint} broke during the log-in"))
        }
        tiberius::error::Error::Routing { .. } => Failure::new(
            FailureClass::Conflict,
            format!(
                "{endpoint} sends its clients on to another address: give the record that of the server itself, or, on Azure, set the \
                 connection policy to Proxy"
            ),
        ),
        _ => {
            let text = format!(
                "what answers at {endpoint} does not log in as SQL Server does: check the record's host and port"
            );
            Failure::new(FailureClass::Conflict, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_survives_the_pool() {
        for home in [
            Home { database: "master".to_owned(), contained: false },
            Home { database: "ünï ]".to_owned(), contained: true },
        ] {
            assert_eq!(Home::of_purpose(&home.purpose()), home);
        }
    }
}
