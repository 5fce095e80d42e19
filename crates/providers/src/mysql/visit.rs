//! A log-in as a session of ours, with statements that only read.

use super::MySql;
use super::connection::{Client, Row, Rows, first};
use super::dialect::Dialect;
use super::sql::{ident, shown};
use super::trouble::Trouble;
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_domain::{Failure, FailureClass, Permit};
use std::time::Duration;

/// How long a statement may take.
const LIMIT: Duration = Duration::from_secs(10);

const DOING: &str = "reading as the account";

/// Somebody who is logged in.
struct Visitor {
    client: Client,
    dialect: Dialect,
    /// Whether the role is active without being asked for.
    made: bool,
    elevate: Option<String>,
}

/// Logs in.
///
/// # Errors
/// A [`Failure`] that says how far it came and what to do.
pub(super) async fn log_in(provider: &MySql, request: &VisitRequest<'_>) -> Result<Box<dyn Visit>, Failure> {
    let permit = Permit::Open(request.permit);
    let dialer = provider.pool.services().dialer;
    let client = Client::log_in(dialer, permit, request.destination, request.credential, request.database, false).await;
    let client = client.map_err(|failure| match failure.class {
        // Of a session, and not of us: nobody is to wait an hour for another try.
        FailureClass::CredentialsRefused => {
            let record = request.permit.record();
            let text = format!("{} (mayfly record check {record})", failure.text);
            Failure::new(FailureClass::Conflict, text)
        }
        _ => failure,
    })?;
    let elevate = request.elevate.map(str::to_owned);
    Ok(Box::new(Visitor { client, dialect: provider.dialect, made: request.made, elevate }))
}

impl Visitor {
    async fn ask(&mut self, sql: &str) -> Result<Rows, Failure> {
        let answered = tokio::time::timeout(LIMIT, self.client.query(sql)).await.unwrap_or(Err(Trouble::Slow));
        let answers = answered.map_err(|trouble| trouble.failure(DOING, ""))?;
        answers.into_iter().next().ok_or_else(|| Trouble::Garbled.failure(DOING, ""))
    }
}

#[async_trait]
impl Visit for Visitor {
    fn native(&self) -> Option<String> {
        Some(self.client.id().to_string())
    }

    async fn look_around(&mut self) -> Result<String, Failure> {
        if let Some(role) = self.elevate.clone().filter(|_| !self.made) {
            // The default roles of an existing account are left as they are.
            self.ask(&format!("SET ROLE {}", self.dialect.role(&role))).await?;
        }
        let rows = self.ask("SELECT CURRENT_USER(), DATABASE(), CURRENT_ROLE()").await?;
        let text = |column: usize| -> Result<String, Failure> {
            let field = first(&rows).and_then(|row: &Row| row.text(column));
            field.map(str::to_owned).map_err(|trouble| trouble.failure(DOING, ""))
        };
        let (user, database, active) = (text(0)?, text(1)?, text(2)?);
        let place = if database.is_empty() { String::new() } else { format!(" in database {}", shown(&database)) };
        let told = format!("{} reads{place}", shown(&user));
        let Some(role) = &self.elevate else { return Ok(told) };
        let has = match self.dialect {
            Dialect::MySql => active.contains(&format!("{}@`%`", ident(role))),
            Dialect::MariaDb => active == *role,
        };
        if has {
            return Ok(format!("{told}, with the rights of {}", shown(role)));
        }
        Err(Failure::new(
            FailureClass::Conflict,
            format!("{told}, but without the rights of {}: it is not active in the session", shown(role)),
        ))
    }
}
