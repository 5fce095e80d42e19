//! Sealed secrets of user records, kept byte for byte. They go with their user record.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{all, execute, one};
use async_trait::async_trait;
use mayfly_access::objects::Kind;
use mayfly_access::store::{Bound, SealedSecret, SecretOutcome, Secrets, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{RecordName, WallTime};
use rusqlite::{Row, params};

fn read(row: &Row<'_>) -> rusqlite::Result<SealedSecret> {
    Ok(SealedSecret {
        user: RecordName::parse(&row.get::<_, String>("user")?).map_err(unreadable)?,
        sealed: row.get("sealed")?,
        bound: bound(row)?,
        set_at: WallTime::from_micros(row.get("set_at")?),
        set_by: row.get("set_by")?,
    })
}

/// What the secret was sealed for, where both columns say so.
fn bound(row: &Row<'_>) -> rusqlite::Result<Option<Bound>> {
    let columns: (Option<String>, Option<String>) = (row.get("resource")?, row.get("destination")?);
    let (Some(resource), Some(destination)) = columns else { return Ok(None) };
    Ok(Some(Bound {
        resource: RecordName::parse(&resource).map_err(unreadable)?,
        destination: serde_json::from_str(&destination).map_err(unreadable)?,
    }))
}

#[async_trait]
impl Secrets for Store {
    async fn get(&self, user: &RecordName) -> Result<Option<SealedSecret>, StoreError> {
        let user = user.clone();
        let sql = include_str!("../../sql/sealed-secret-by-user.sql");
        self.ask(move |connection| Ok(one(connection, sql, [user.as_str()], read)?)).await
    }

    async fn all(&self) -> Result<Vec<SealedSecret>, StoreError> {
        self.ask(|connection| Ok(all(connection, include_str!("../../sql/sealed-secrets-all.sql"), [], read)?)).await
    }

    async fn put(&self, secret: SealedSecret, events: Vec<Event>) -> Result<SecretOutcome, StoreError> {
        let put = self
            .decide(events, move |connection| {
                let SealedSecret { user, sealed, bound, set_at, set_by } = secret;
                let sql = include_str!("../../sql/object-by-id.sql");
                if one(connection, sql, [Kind::User.as_str(), user.as_str()], |_| Ok(()))?.is_none() {
                    return Ok(Decision::Undo(SecretOutcome::NoSuchRecord));
                }
                let resource = bound.as_ref().map(|bound| bound.resource.as_str());
                let destination = bound.as_ref().map(|bound| serde_json::to_string(&bound.destination)).transpose();
                // A destination has only texts and a number in it.
                let destination =
                    destination.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                let values = params![user.as_str(), sealed, set_at.micros(), set_by, resource, destination];
                execute(connection, include_str!("../../sql/sealed-secret-put.sql"), values)?;
                Ok(Decision::Keep(SecretOutcome::Stored))
            })
            .await;
        self.status.credentials_changed();
        put
    }
}
