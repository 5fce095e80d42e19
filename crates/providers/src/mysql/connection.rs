//! One administrative connection: dialled, authenticated, set up so that nothing of the server's or a user's settings
//! reaches our statements, and asked once who the server is.

use super::dialect::Dialect;
use super::sql::{RELEASE, shown_account};
use super::trouble::Trouble;
use crate::meter::{Meter, Metered};
use crate::pool;
use crate::services::Services;
use async_trait::async_trait;
use futures_util::FutureExt as _;
use mayfly_dial::mysql::{LogIn, LoggedIn, Stream, log_in};
use mayfly_dial::{Credential, DialError, Dialer};
use mayfly_domain::{Destination, Failure, FailureClass, Permit, Place, TargetId};
use mayfly_engine::Tasks;
use mayfly_protocol::mysql::connect::Attributes;
use mayfly_protocol::mysql::frame::{self, MAX_PACKET_LEN, PacketReader, Sequence};
use mayfly_protocol::mysql::result::{Event, Results};
use mayfly_protocol::mysql::{Capabilities, Command, DecodeError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

/// How long reaching the server may take, and how long TLS and authentication.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long we wait for the answer to one request; each statement in it has limits of its own, which the session sets first.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// How long a connection that is let go may take to say goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);
/// `utf8mb4_general_ci`, which both servers have.
const COLLATION: u8 = 45;

/// What a connection is for. There is one of each kind to a target: account statements take a lock of the whole server, so that
/// more of them would only wait for each other; but nothing that takes access away waits behind one that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading, making, changing and removing accounts.
    Accounts,
    /// Closing accounts and ending sessions.
    Closing,
    /// Writing anew what accounts have defined: a connection that takes one statement at a time, so that nothing in such a text
    /// can become a second one.
    HandingOver,
}

impl Purpose {
    /// As the pool knows it: with the server that is expected.
    pub(crate) const fn with(self, dialect: Dialect) -> &'static str {
        match (dialect, self) {
            (Dialect::MySql, Self::Accounts) => "mysql accounts",
            (Dialect::MySql, Self::Closing) => "mysql closing",
            (Dialect::MySql, Self::HandingOver) => "mysql handing over",
            (Dialect::MariaDb, Self::Accounts) => "mariadb accounts",
            (Dialect::MariaDb, Self::Closing) => "mariadb closing",
            (Dialect::MariaDb, Self::HandingOver) => "mariadb handing over",
        }
    }
}

/// What a server said of itself and of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Which of the two it is.
    pub(crate) dialect: Dialect,
    /// Its version: major, minor.
    pub(crate) version: (u32, u32),
    /// The account that we are logged in as, as the server matched it.
    pub(crate) admin: String,
    /// Its host part.
    pub(crate) admin_host: String,
    /// The address from which the server sees us.
    pub(crate) seen_from: String,
    /// Whether the connection is encrypted.
    pub(crate) encrypted: bool,
    /// The server.
    pub(crate) target: TargetId,
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

    /// The administrative account for people.
    pub(crate) fn me(&self) -> String {
        shown_account(&self.admin, &self.admin_host)
    }
}

/// The connections that are kept, and one of them in use.
pub(crate) type Pool = pool::Pool<Admin>;
pub(crate) type Lease = pool::Lease<Admin>;

/// A row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(Vec<Option<String>>);

impl Row {
    /// One field as text; a NULL is empty.
    pub(crate) fn text(&self, column: usize) -> Result<&str, Trouble> {
        self.0.get(column).ok_or(Trouble::Garbled).map(|field| field.as_deref().unwrap_or_default())
    }

    /// One field as a number.
    pub(crate) fn number<N: std::str::FromStr>(&self, column: usize) -> Result<N, Trouble> {
        self.text(column)?.parse().map_err(|_| Trouble::Garbled)
    }

    /// Whether a field says yes: 1 as a condition does, `Y` as a column of the server does.
    pub(crate) fn yes(&self, column: usize) -> Result<bool, Trouble> {
        Ok(matches!(self.text(column)?, "1" | "Y"))
    }
}

/// The rows of one statement.
pub(crate) type Rows = Vec<Row>;

/// The first row of an answer.
pub(crate) fn first(rows: &[Row]) -> Result<&Row, Trouble> {
    rows.first().ok_or(Trouble::Garbled)
}

/// An open connection.
pub(crate) struct Admin {
    client: Mutex<Client>,
    /// Whether a request is under way, or ended in a way that leaves the session in doubt.
    busy: AtomicBool,
    tasks: Tasks,
    pub(crate) facts: Facts,
}

#[async_trait]
impl pool::Admin for Admin {
    const MOST: usize = 1;
    const TASK: &'static str = "mysql idle connections";

    fn counted_with(purpose: &str) -> &str {
        purpose
    }

    async fn open(
        services: &Services,
        tasks: &Tasks,
        permit: Permit<'_>,
        place: &Place,
        purpose: &str,
    ) -> Result<Self, Failure> {
        let dialect = if purpose.starts_with("mysql") { Dialect::MySql } else { Dialect::MariaDb };
        let several = purpose != Purpose::HandingOver.with(dialect);
        let client = Client::connect(services, permit, place, several).await?;
        let nobody = Facts {
            dialect,
            version: (0, 0),
            admin: String::new(),
            admin_host: String::new(),
            seen_from: String::new(),
            encrypted: false,
            target: TargetId::new(dialect.name(), "unknown"),
        };
        let mut admin =
            Self { client: Mutex::new(client), busy: AtomicBool::new(false), tasks: tasks.clone(), facts: nobody };
        admin.facts = super::introduce::introduce(&admin, dialect).await?;
        Ok(admin)
    }

    fn is_usable(&self) -> bool {
        !self.busy.load(Ordering::Relaxed) && self.client.try_lock().is_ok_and(|client| client.is_open())
    }

    async fn answers(&self) -> bool {
        self.run("DO 0").await.is_ok()
    }
}

impl Admin {
    /// Runs statements in one request, each a transaction of its own. Returns the rows of each.
    ///
    /// # Errors
    /// [`Trouble::Refused`] says how many of them were done; named locks are let go of then.
    pub(crate) async fn run(&self, sql: &str) -> Result<Vec<Rows>, Trouble> {
        let mut client = self.client.lock().await;
        let outcome = self.request(&mut client, sql).await;
        if matches!(outcome, Err(Trouble::Refused { .. })) {
            // Behind a statement that failed nothing was run, the letting go neither.
            self.request(&mut client, RELEASE).await.map_err(|_| Trouble::Lost)?;
        }
        outcome
    }

    async fn request(&self, client: &mut Client, sql: &str) -> Result<Vec<Rows>, Trouble> {
        // Stays set when this future is dropped half-way.
        self.busy.store(true, Ordering::Relaxed);
        let outcome = match tokio::time::timeout(REQUEST_LIMIT, client.query(sql)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Trouble::Slow),
        };
        if matches!(outcome, Ok(_) | Err(Trouble::Refused { .. })) {
            self.busy.store(false, Ordering::Relaxed);
        }
        outcome
    }
}

impl Drop for Admin {
    /// Says goodbye, so that the server does not log a connection that broke off.
    fn drop(&mut self) {
        if *self.busy.get_mut() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        if let Some(mut stream) = self.client.get_mut().stream.take() {
            self.tasks.spawn("mysql goodbye", async move {
                let mut bytes = Vec::new();
                frame::encode(&[Command::Quit as u8], &mut Sequence::new(), &mut bytes);
                let _ = tokio::time::timeout(GOODBYE_LIMIT, async {
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                })
                .await;
            });
        }
    }
}

/// The connection itself: one query at a time.
pub(crate) struct Client {
    /// Taken out at the end only.
    stream: Option<Metered<Stream>>,
    meter: Meter,
    agreed: Capabilities,
    id: u32,
}

impl Client {
    /// As the administrative account of a place.
    async fn connect(services: &Services, permit: Permit<'_>, place: &Place, several: bool) -> Result<Self, Failure> {
        let credential = services.credentials.fetch(permit, &place.credential, &place.destination).await?;
        let logged_in = Self::log_in(services.dialer, permit, &place.destination, &credential, None, several).await;
        logged_in.map_err(|failure| of_credential(failure, place))
    }

    /// Dials and logs in. `several` says whether one query may have several statements.
    pub(crate) async fn log_in(
        dialer: Dialer,
        permit: Permit<'_>,
        destination: &Destination,
        credential: &Credential,
        database: Option<&str>,
        several: bool,
    ) -> Result<Self, Failure> {
        let of_dial = |error: DialError| Failure::new(error.class(), error.person_text());
        let stream = dialer.connect(permit, destination, CONNECT_LIMIT).await.map_err(of_dial)?;
        let mut attributes = Attributes::new();
        let too_many = |_| Failure::new(FailureClass::Bug, "the log-in cannot be written");
        attributes.push(b"program_name", b"mayfly").map_err(too_many)?;
        let wish = LogIn {
            capabilities: if several {
                Capabilities::SPOKEN
            } else {
                Capabilities::SPOKEN.without(Capabilities::MULTI_STATEMENTS)
            },
            max_packet_len: u32::try_from(MAX_PACKET_LEN).unwrap_or(u32::MAX),
            collation: COLLATION,
            database: database.map(str::as_bytes),
            attributes,
        };
        let logged_in = log_in(stream, destination, credential, &wish, HANDSHAKE_LIMIT).await;
        let LoggedIn { stream, agreed, connection_id, .. } =
            logged_in.map_err(|error| Failure::new(error.class(), error.person_text()))?;
        if !agreed.contains(Capabilities::DEPRECATE_EOF | Capabilities::MULTI_RESULTS) {
            let text = format!("{} is older than any MySQL or MariaDB that is supported", destination.endpoint);
            return Err(Failure::new(FailureClass::Conflict, text));
        }
        let meter = Meter::new();
        let stream = Some(Metered::new(stream, meter.clone()));
        Ok(Self { stream, meter, agreed, id: connection_id })
    }

    /// The number that the server gave it.
    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    /// Whether the server has not ended it: an idle one says nothing unless it does.
    fn is_open(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.inner().tcp().peek(&mut [0]).now_or_never().is_none())
    }

    /// Runs statements and returns the rows of each.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Vec<Rows>, Trouble> {
        if !self.is_open() {
            self.stream = None;
        }
        let Some(stream) = &mut self.stream else { return Err(Trouble::NotSent) };
        self.meter.reset();
        let mut sequence = Sequence::new();
        let mut bytes = Vec::with_capacity(sql.len() + 16);
        let payload = [&[Command::Query as u8], sql.as_bytes()].concat();
        frame::encode(&payload, &mut sequence, &mut bytes);
        let sent = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        sent.await.map_err(|_| Trouble::Lost)?;
        let mut results = Results::new(self.agreed);
        let (mut answers, mut rows) = (Vec::new(), Rows::new());
        while !results.is_done() {
            let payload = receive(stream, &mut sequence).await?;
            match results.take(&payload).map_err(|_: DecodeError| Trouble::Garbled)? {
                Event::Described => {}
                Event::Row(row) => {
                    let text = |field: Option<Vec<u8>>| field.map(String::from_utf8).transpose();
                    let row: Result<Vec<_>, _> = row.into_iter().map(text).collect();
                    rows.push(Row(row.map_err(|_| Trouble::Garbled)?));
                }
                Event::End { .. } => answers.push(std::mem::take(&mut rows)),
                // The server ends the connection behind some errors; that shows at the next request.
                Event::Failed(error) => return Err(Trouble::Refused { number: error.number, done: answers.len() }),
            }
        }
        Ok(answers)
    }
}

async fn receive(stream: &mut Metered<Stream>, sequence: &mut Sequence) -> Result<Vec<u8>, Trouble> {
    let mut reader = PacketReader::new(MAX_PACKET_LEN);
    let mut piece = vec![0; 16 * 1024];
    loop {
        let wants = reader.wants().min(piece.len());
        let read = stream.read(&mut piece[..wants]).await.map_err(|_| Trouble::Lost)?;
        if read == 0 {
            return Err(Trouble::Lost);
        }
        let (_, packet) = reader.push(&piece[..read]).map_err(|_| Trouble::Garbled)?;
        if let Some(packet) = packet {
            sequence.check(&packet).map_err(|_| Trouble::Garbled)?;
            return Ok(packet.payload.to_vec());
        }
    }
}

/// What a person is told of a log-in that failed: where the credential is at fault, which one.
fn of_credential(failure: Failure, place: &Place) -> Failure {
    if failure.class != FailureClass::CredentialsRefused {
        return failure;
    }
    let record = &place.credential.record;
    let text = format!(
        "{}; that is the administrative credential of user record {record}: set the right secret with \
         `mayfly secret set {record}`, or correct its `login`",
        failure.text
    );
    Failure::new(FailureClass::CredentialsRefused, text)
}
