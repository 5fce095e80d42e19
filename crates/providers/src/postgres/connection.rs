//! One administrative connection: dialled, authenticated, set up so that nothing of the server's or a user's settings
//! reaches our statements, and asked once who the server is.

use super::sql::{ident, shown};
use super::tls::DialTls;
use super::trouble::{Trouble, class_of, clean};
use crate::meter::{Meter, Metered};
use crate::pool;
use crate::services::Services;
use async_trait::async_trait;
use mayfly_dial::DialError;
use mayfly_domain::{Failure, FailureClass, Permit, Place, TargetId};
use mayfly_engine::Tasks;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, SimpleQueryMessage, SimpleQueryRow};

/// How long reaching the server may take, and how long TLS and authentication.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long the server works on one statement (`statement_timeout`), and how long we wait for the answer to one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// How long a connection that is let go may take to say goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// The name of this provider's targets in their identities.
pub(crate) const KIND: &str = "postgresql";

/// Set first of all: an administrator's, a database's and a role's own settings must not change what our statements mean,
/// and every statement's running time is bounded. The search path holds no schema in which users can create anything.
const SETUP: &str = include_str!("sql/setup.sql");

/// What a server said of itself and of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its version, as `server_version_num`.
    pub(crate) version: u32,
    /// The role that we are logged in as.
    pub(crate) admin: String,
    /// Whether that role is a superuser.
    pub(crate) superuser: bool,
    /// The server.
    pub(crate) target: TargetId,
}

impl Facts {
    /// Whether memberships have a grantor each, and CREATEROLE needs ADMIN OPTION (16 and later).
    pub(crate) const fn has_membership_options(&self) -> bool {
        self.version >= 160_000
    }

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

/// The connections that are kept, and one of them in use.
pub(crate) type Pool = pool::Pool<Admin>;
pub(crate) type Lease = pool::Lease<Admin>;

/// An open connection.
pub(crate) struct Admin {
    client: Client,
    meter: Meter,
    /// Whether a request is under way, or ended in a way that leaves the session in doubt.
    busy: AtomicBool,
    pub(crate) facts: Facts,
    /// Dropped with the connection, which ends the task that serves it.
    _open: oneshot::Sender<()>,
}

#[async_trait]
impl pool::Admin for Admin {
    const MOST: usize = 4;
    const TASK: &'static str = "postgresql idle connections";

    /// Whatever the database.
    fn counted_with(_database: &str) -> &str {
        ""
    }

    async fn open(
        services: &Services,
        tasks: &Tasks,
        permit: Permit<'_>,
        place: &Place,
        database: &str,
    ) -> Result<Self, Failure> {
        Self::connect(services, tasks, permit, place, database).await
    }

    fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.busy.load(Ordering::Relaxed)
    }

    async fn answers(&self) -> bool {
        self.run("").await.is_ok()
    }
}

impl Admin {
    /// Dials, authenticates and sets up.
    async fn connect(
        services: &Services,
        tasks: &Tasks,
        permit: Permit<'_>,
        place: &Place,
        database: &str,
    ) -> Result<Self, Failure> {
        let destination = &place.destination;
        let tls = mayfly_dial::tls_client_config(&destination.trust).map_err(|error| of_dial(&error))?;
        let credential = services.credentials.fetch(permit, &place.credential, destination).await?;
        let stream =
            services.dialer.connect(permit, destination, CONNECT_LIMIT).await.map_err(|error| of_dial(&error))?;
        let meter = Meter::new();
        let stream = Metered::new(stream, meter.clone());
        let mut config = Config::new();
        config.user(&credential.login).password(credential.secret.expose()).dbname(database);
        config.application_name("mayfly").channel_binding(ChannelBinding::Prefer);
        let (open, closed) = oneshot::channel();
        let shaking = async {
            match tls {
                Some(tls) => {
                    config.ssl_mode(SslMode::Require);
                    let tls = DialTls { config: tls, endpoint: destination.endpoint.clone(), limit: HANDSHAKE_LIMIT };
                    let (client, connection) = config.connect_raw(stream, tls).await?;
                    tasks.spawn("postgresql connection", serve(connection, closed));
                    Ok(client)
                }
                None => {
                    config.ssl_mode(SslMode::Disable);
                    let (client, connection) = config.connect_raw(stream, NoTls).await?;
                    tasks.spawn("postgresql connection", serve(connection, closed));
                    Ok(client)
                }
            }
        };
        let client = match tokio::time::timeout(HANDSHAKE_LIMIT, shaking).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(of_handshake(&error, place, database, &credential.login)),
            Err(_elapsed) => {
                let text = format!("{} did not finish the log-in in time", destination.endpoint);
                return Err(Failure::new(FailureClass::Unreachable, text));
            }
        };
        let nobody = Facts {
            version: 0,
            admin: credential.login.clone(),
            superuser: false,
            target: TargetId::new(KIND, "unknown"),
        };
        let mut admin = Self { client, meter, busy: AtomicBool::new(false), facts: nobody, _open: open };
        admin.facts = admin.introduce().await?;
        Ok(admin)
    }

    /// Sets the session up and asks who the server is.
    async fn introduce(&self) -> Result<Facts, Failure> {
        let doing = "setting up the administrative session";
        let answers = self.run(SETUP).await.map_err(|trouble| trouble.failure(doing, ""))?;
        let row = answers.iter().rev().find_map(|rows| rows.first()).ok_or(Trouble::Garbled);
        let row = row.map_err(|trouble| trouble.failure(doing, ""))?;
        let text = |column: usize| field(row, column).map_err(|trouble| trouble.failure(doing, ""));
        let version: u32 = text(0)?.parse().map_err(|_| Trouble::Garbled.failure(doing, ""))?;
        let admin = text(1)?.to_owned();
        if version < 130_000 {
            let text = format!("the server is PostgreSQL {}: 13 is the oldest that is supported", version / 10_000);
            return Err(Failure::new(FailureClass::Conflict, text));
        }
        if text(3)? == "t" {
            return Err(Failure::new(
                FailureClass::Conflict,
                "the server is a standby and takes no changes: give the record the address of the primary",
            ));
        }
        if text(4)? != "t" {
            return Err(Failure::new(
                FailureClass::NotPermitted,
                format!(
                    "the administrative account may not read which server this is; as a superuser: \
                     GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO {};",
                    shown(&admin)
                ),
            ));
        }
        let identity = self.run("SELECT system_identifier FROM pg_control_system()").await;
        let identity = identity.and_then(|answers| one(&answers, 0)).map_err(|trouble| trouble.failure(doing, ""))?;
        if identity.is_empty() || identity.len() > 20 || !identity.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Trouble::Garbled.failure(doing, ""));
        }
        Ok(Facts { version, admin, superuser: text(2)? == "t", target: TargetId::new(KIND, &identity) })
    }

    /// Runs statements in one request: one transaction, unless they begin and commit their own. Returns the rows of each.
    pub(crate) async fn run(&self, sql: &str) -> Result<Vec<Vec<SimpleQueryRow>>, Trouble> {
        if self.client.is_closed() {
            return Err(Trouble::NotSent);
        }
        let messages = match self.request(sql).await {
            Ok(messages) => messages,
            Err(trouble) => {
                if matches!(trouble, Trouble::Refused { .. }) {
                    // Statements with a BEGIN of their own leave a failed transaction open.
                    self.request("ROLLBACK").await.map_err(|_| trouble.clone())?;
                }
                return Err(trouble);
            }
        };
        let mut answers = vec![Vec::new()];
        for message in messages {
            match message {
                SimpleQueryMessage::Row(row) => {
                    if let Some(rows) = answers.last_mut() {
                        rows.push(row);
                    }
                }
                SimpleQueryMessage::CommandComplete(_) => answers.push(Vec::new()),
                _ => {}
            }
        }
        answers.pop();
        Ok(answers)
    }

    async fn request(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Trouble> {
        self.meter.reset();
        // Stays set when this future is dropped half-way.
        self.busy.store(true, Ordering::Relaxed);
        let outcome = match tokio::time::timeout(REQUEST_LIMIT, self.client.simple_query(sql)).await {
            Ok(Ok(messages)) => Ok(messages),
            Ok(Err(error)) => Err(Trouble::of_statement(&error)),
            Err(_elapsed) => Err(Trouble::Slow),
        };
        if matches!(outcome, Ok(_) | Err(Trouble::Refused { .. })) {
            self.busy.store(false, Ordering::Relaxed);
        }
        outcome
    }
}

/// Serves a connection until it ends or is let go. What the server says unasked is not kept.
pub(super) async fn serve<S, T>(mut connection: Connection<S, T>, closed: oneshot::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut served = Box::pin(async move {
        loop {
            match poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notice(_) | AsyncMessage::Notification(_))) => {}
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        }
    });
    tokio::select! {
        () = &mut served => {}
        _ = closed => {
            // The client is dropped, so that this says goodbye and ends; a server that does not listen is left.
            let _ = tokio::time::timeout(GOODBYE_LIMIT, served).await;
        }
    }
}

/// One field as text; a NULL is empty.
pub(crate) fn field(row: &SimpleQueryRow, column: usize) -> Result<&str, Trouble> {
    row.try_get(column).map(Option::unwrap_or_default).map_err(|_| Trouble::Garbled)
}

/// One field as a number, where it is not NULL.
pub(crate) fn number<N: std::str::FromStr>(row: &SimpleQueryRow, column: usize) -> Result<Option<N>, Trouble> {
    match row.try_get(column).map_err(|_| Trouble::Garbled)? {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| Trouble::Garbled),
    }
}

/// The first field of the only row of one answer.
pub(crate) fn one(answers: &[Vec<SimpleQueryRow>], which: usize) -> Result<String, Trouble> {
    let row = answers.get(which).and_then(|rows| rows.first()).ok_or(Trouble::Garbled)?;
    field(row, 0).map(str::to_owned)
}

fn of_dial(error: &DialError) -> Failure {
    Failure::new(error.class(), error.person_text())
}

/// Sorts what went wrong before the session was there. Nothing was sent but the log-in.
fn of_handshake(error: &tokio_postgres::Error, place: &Place, database: &str, admin: &str) -> Failure {
    use std::error::Error as _;
    let endpoint = &place.destination.endpoint;
    if let Some(refusal) = error.as_db_error() {
        let code = clean(refusal.code().code());
        let text = match code.as_str() {
            "42501" => format!(
                "the administrative account may not connect to database {}; as a superuser: GRANT CONNECT ON DATABASE {} TO {};",
                shown(database),
                shown(database),
                shown(admin)
            ),
            "3D000" => {
                format!("{endpoint} has no database {}: correct the record's `maintenance_database`", shown(database))
            }
            "28000" => format!(
                "{endpoint} does not let {} in (SQLSTATE 28000): look into its pg_hba.conf, and whether the role may log in",
                ident(admin)
            ),
            _ if class_of(&code) == FailureClass::CredentialsRefused => {
                let record = &place.credential.record;
                format!(
                    "{endpoint} refuses {} with the administrative credential of user record {record}: set the right secret with \
                     `mayfly secret set {record}`, or correct its `login`",
                    ident(admin)
                )
            }
            "53300" => format!("{endpoint} has no free connection (SQLSTATE 53300): raise its max_connections"),
            "57P03" => format!("{endpoint} is starting or stopping (SQLSTATE 57P03)"),
            _ => format!("{endpoint} refuses the connection (SQLSTATE {code})"),
        };
        return Failure::new(class_of(&code), text);
    }
    if let Some(dial) = error.source().and_then(|source| source.downcast_ref::<DialError>()) {
        return of_dial(dial);
    }
    if error.source().is_some_and(|source| source.is::<std::io::Error>()) || error.is_closed() {
        let text = format!("the connection to {endpoint} broke during the log-in");
        return Failure::new(FailureClass::Unreachable, text);
    }
    Failure::new(
        FailureClass::Conflict,
        format!(
            "what answers at {endpoint} does not take a verified TLS connection and a SCRAM log-in: check that it is a PostgreSQL server, and its `ssl` and `password_encryption`"
        ),
    )
}
