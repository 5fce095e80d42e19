//! A log-in as a session of ours, with one statement that only reads.

use super::connection::{Pool, field, serve};
use super::sql::{literal, shown};
use super::tls::DialTls;
use super::trouble::{Trouble, clean};
use crate::meter::{Meter, Metered};
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_dial::{DialError, tls_client_config};
use mayfly_domain::{Failure, FailureClass, Permit};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// How long reaching the server, its log-in and a statement may take each.
const LIMIT: Duration = Duration::from_secs(10);

const DOING: &str = "reading as the account";

/// The database of sessions that name none.
const DATABASE: &str = "postgres";

/// Somebody who is logged in.
struct Visitor {
    client: Client,
    pid: Option<String>,
    elevate: Option<String>,
    /// Dropped with the connection, which ends the task that serves it.
    _open: oneshot::Sender<()>,
}

/// Logs in.
///
/// # Errors
/// A [`Failure`] that says how far it came and what to do.
pub(super) async fn log_in(pool: &Pool, request: &VisitRequest<'_>) -> Result<Box<dyn Visit>, Failure> {
    let destination = request.destination;
    let tls = tls_client_config(&destination.trust).map_err(|error| of_dial(&error))?;
    let permit = Permit::Open(request.permit);
    let stream = pool.services().dialer.connect(permit, destination, LIMIT).await.map_err(|error| of_dial(&error))?;
    let stream = Metered::new(stream, Meter::new());
    let mut config = Config::new();
    config.user(&request.credential.login).password(request.credential.secret.expose());
    config.dbname(request.database.unwrap_or(DATABASE)).application_name("mayfly");
    config.channel_binding(ChannelBinding::Prefer);
    let (open, closed) = oneshot::channel();
    let shaking = async {
        match tls {
            Some(config_of_tls) => {
                config.ssl_mode(SslMode::Require);
                let tls = DialTls { config: config_of_tls, endpoint: destination.endpoint.clone(), limit: LIMIT };
                let (client, connection) = config.connect_raw(stream, tls).await?;
                pool.tasks().spawn("postgresql visit", serve(connection, closed));
                Ok(client)
            }
            None => {
                config.ssl_mode(SslMode::Disable);
                let (client, connection) = config.connect_raw(stream, NoTls).await?;
                pool.tasks().spawn("postgresql visit", serve(connection, closed));
                Ok(client)
            }
        }
    };
    let client = match tokio::time::timeout(LIMIT, shaking).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return Err(refused(&error, request)),
        Err(_elapsed) => {
            return Err(Failure::new(FailureClass::Unreachable, "the server did not finish the log-in in time"));
        }
    };
    let mut visitor = Visitor { client, pid: None, elevate: request.elevate.map(str::to_owned), _open: open };
    let rows = visitor.ask("SELECT pg_backend_pid()").await?;
    visitor.pid = rows.into_iter().next().and_then(|row| row.into_iter().next());
    Ok(Box::new(visitor))
}

impl Visitor {
    /// The rows of one statement, as text.
    async fn ask(&self, sql: &str) -> Result<Vec<Vec<String>>, Failure> {
        let failed = |trouble: Trouble| trouble.failure(DOING, "");
        let answered = tokio::time::timeout(LIMIT, self.client.simple_query(sql)).await;
        let messages = answered.map_err(|_elapsed| failed(Trouble::Slow))?;
        let messages = messages.map_err(|error| failed(Trouble::of_statement(&error)))?;
        let mut rows = Vec::new();
        for message in messages {
            if let SimpleQueryMessage::Row(row) = message {
                let fields = (0..row.len()).map(|column| field(&row, column).map(str::to_owned));
                rows.push(fields.collect::<Result<_, _>>().map_err(failed)?);
            }
        }
        Ok(rows)
    }
}

#[async_trait]
impl Visit for Visitor {
    fn native(&self) -> Option<String> {
        self.pid.clone()
    }

    async fn look_around(&mut self) -> Result<String, Failure> {
        let role = self.elevate.as_deref().unwrap_or_default();
        // The rights of the role have to be there at once, as a client's first statement needs them.
        let sql = format!(
            "SELECT current_user, current_database(), \
             coalesce((SELECT pg_has_role(current_user, r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = {}), false)",
            literal(role)
        );
        let rows = self.ask(&sql).await?;
        let Some([user, database, lifted]) = rows.first().map(Vec::as_slice) else {
            return Err(Trouble::Garbled.failure(DOING, ""));
        };
        let told = format!("{} reads in database {}", shown(user), shown(database));
        match (&self.elevate, lifted.as_str()) {
            (None, _) => Ok(told),
            (Some(role), "t") => Ok(format!("{told}, with the rights of {}", shown(role))),
            (Some(role), _) => Err(Failure::new(
                FailureClass::Conflict,
                format!(
                    "{told}, but without the rights of {role}: the account does not inherit them; make it inherit, or lift into \
                     a role that holds the rights itself",
                    role = shown(role)
                ),
            )),
        }
    }
}

fn of_dial(error: &DialError) -> Failure {
    Failure::new(error.class(), error.person_text())
}

/// Sorts what went wrong during the log-in.
fn refused(error: &tokio_postgres::Error, request: &VisitRequest<'_>) -> Failure {
    use std::error::Error as _;
    let (endpoint, login) = (&request.destination.endpoint, shown(&request.credential.login));
    let Some(refusal) = error.as_db_error() else {
        return error.source().and_then(|source| source.downcast_ref::<DialError>()).map_or_else(
            || Failure::new(FailureClass::Unreachable, format!("the connection to {endpoint} broke during the log-in")),
            of_dial,
        );
    };
    let code = clean(refusal.code().code());
    let database = shown(request.database.unwrap_or(DATABASE));
    let text = match code.as_str() {
        "28000" => {
            format!(
                "{endpoint} does not let {login} in (SQLSTATE 28000): pg_hba.conf has no line for it from this address"
            )
        }
        "42501" => format!(
            "{login} may not connect to database {database}; as its owner: GRANT CONNECT ON DATABASE {database} TO {};",
            shown(request.elevate.unwrap_or("public"))
        ),
        "3D000" => format!("{endpoint} has no database {database}: correct the record's `default_database`"),
        "28P01" => format!(
            "{endpoint} refuses the session's password of {login} (SQLSTATE 28P01): pg_hba.conf has to ask for scram-sha-256"
        ),
        _ => format!("{endpoint} refuses the log-in of {login} (SQLSTATE {code})"),
    };
    Failure::new(FailureClass::Conflict, text)
}
