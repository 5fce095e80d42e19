//! A log-in as a session of ours, with one statement that only reads.

use super::connection::{Pool, Row, number, only, rows, text, yes};
use super::names::{Named, named};
use super::sql::{Value, call, shown};
use super::trouble::Trouble;
use super::wire::{self, Wire};
use crate::meter::Meter;
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_domain::{Failure, FailureClass, Permit};
use std::time::Duration;
use tiberius::Client;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

/// How long reaching the server, its log-in and a statement may take each.
const LIMIT: Duration = Duration::from_secs(10);

const DOING: &str = "reading as the account";

/// Where every log-in may be.
const DATABASE: &str = "master";

/// Somebody who is logged in.
struct Visitor {
    client: Client<Wire>,
    id: Option<String>,
    database: Option<String>,
    elevate: Option<String>,
}

/// Logs in.
///
/// # Errors
/// A [`Failure`] that says how far it came and what to do.
pub(super) async fn log_in(pool: &Pool, request: &VisitRequest<'_>) -> Result<Box<dyn Visit>, Failure> {
    let destination = request.destination;
    let dial = |error: &mayfly_dial::DialError| Failure::new(error.class(), error.person_text());
    let tls = mayfly_dial::tls_client_config(&destination.trust).map_err(|error| dial(&error))?;
    let permit = Permit::Open(request.permit);
    let stream = pool.services().dialer.connect(permit, destination, LIMIT).await.map_err(|error| dial(&error))?;
    let shaking = async {
        let wire = wire::prepare(stream, Meter::new(), tls, &destination.endpoint, LIMIT).await?;
        let config = wire::config(&destination.endpoint.host, request.database, request.credential);
        let client = Client::connect(config, wire).with_subscriber(NoSubscriber::new()).await;
        client.map_err(|error| refused(&error, request))
    };
    let client = tokio::time::timeout(LIMIT, shaking).await.unwrap_or_else(|_| {
        Err(Failure::new(FailureClass::Unreachable, "the server did not finish the log-in in time"))
    })?;
    let (database, elevate) = (request.database.map(str::to_owned), request.elevate.map(str::to_owned));
    let mut visitor = Visitor { client, id: None, database, elevate };
    let answers = visitor.ask("SELECT CONVERT(int, @@SPID);").await?;
    let read = || number::<i32>(only(answers.first().ok_or(Trouble::Garbled)?)?, 0);
    visitor.id = read().map_err(|trouble| trouble.failure(DOING, ""))?.map(|id| id.to_string());
    Ok(Box::new(visitor))
}

impl Visitor {
    async fn ask(&mut self, sql: &str) -> Result<Vec<Vec<Row>>, Failure> {
        let asked = async { self.client.simple_query(sql).await?.into_results().await };
        let answered = match tokio::time::timeout(LIMIT, asked.with_subscriber(NoSubscriber::new())).await {
            Ok(Ok(results)) => rows(&results),
            Ok(Err(error)) => Err(Trouble::of_batch(&error)),
            Err(_elapsed) => Err(Trouble::Slow),
        };
        answered.map_err(|trouble| trouble.failure(DOING, ""))
    }
}

#[async_trait]
impl Visit for Visitor {
    fn native(&self) -> Option<String> {
        self.id.clone()
    }

    async fn look_around(&mut self) -> Result<String, Failure> {
        let lifted = self.elevate.as_deref().and_then(|text| named(text).ok());
        let here = self.database.clone().unwrap_or_else(|| DATABASE.to_owned());
        let (database, role, alone) = match lifted {
            Some(Named { first, second: Some(role) }) => (first, role, 0),
            Some(Named { first, second: None }) => (here, first, 1),
            None => (here, String::new(), 1),
        };
        let values = [("role", "sysname", Value::Text(&role)), ("alone", "int", Value::Number(alone))];
        let answers = self.ask(&call(&database, include_str!("sql/visit.sql"), &values)).await?;
        let read = || {
            let row = only(answers.first().ok_or(Trouble::Garbled)?)?;
            Ok((format!("{} reads in database {}", shown(text(row, 0)?), shown(text(row, 1)?)), yes(row, 2)?))
        };
        let (told, lifted) = read().map_err(|trouble: Trouble| trouble.failure(DOING, ""))?;
        match (&self.elevate, lifted) {
            (None, _) => Ok(told),
            (Some(role), true) => Ok(format!("{told}, as a member of {}", shown(role))),
            (Some(role), false) => {
                let text =
                    format!("{told}, but is no member of {}: look who takes members from that role", shown(role));
                Err(Failure::new(FailureClass::Conflict, text))
            }
        }
    }
}

/// Sorts what went wrong during the log-in.
fn refused(error: &tiberius::error::Error, request: &VisitRequest<'_>) -> Failure {
    let (endpoint, login) = (&request.destination.endpoint, shown(&request.credential.login));
    let Some(number) = error.code() else {
        let text = format!("the connection to {endpoint} broke during the log-in");
        return Failure::new(FailureClass::Unreachable, text);
    };
    let text = match number {
        4060 | 4064 | 911 => format!(
            "{endpoint} lets {login} into no database {}: correct the record's `default_database`, or name it among those that accounts \
             get into",
            shown(request.database.unwrap_or(DATABASE))
        ),
        _ => format!(
            "{endpoint} refuses the log-in of {login} (error {number}): it has to take log-ins with passwords, and no trigger on log-ins may \
             turn it away"
        ),
    };
    Failure::new(FailureClass::Conflict, text)
}
