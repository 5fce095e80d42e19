//! Sealed secrets of user records, kept byte for byte. They go with their user record.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{all, execute, one};
use async_trait::async_trait;
use mayfly_access::objects::Kind;
use mayfly_access::store::{SealedSecret, SecretOutcome, Secrets, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{RecordName, WallTime};
use rusqlite::{Row, params};

fn read(row: &Row<'_>) -> rusqlite::Result<SealedSecret> {
    Ok(SealedSecret {
        user: RecordName::parse(&row.get::<_, String>("user")?).map_err(unreadable)?,
        sealed: row.get("sealed")?,
        set_at: WallTime::from_micros(row.get("set_at")?),
        set_by: row.get("set_by")?,
    })
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
        self.decide(events, move |connection| {
            let SealedSecret { user, sealed, set_at, set_by } = secret;
            let sql = include_str!("../../sql/object-by-id.sql");
            if one(connection, sql, [Kind::User.as_str(), user.as_str()], |_| Ok(()))?.is_none() {
                return Ok(Decision::Undo(SecretOutcome::NoSuchRecord));
            }
            let values = params![user.as_str(), sealed, set_at.micros(), set_by];
            execute(connection, include_str!("../../sql/sealed-secret-put.sql"), values)?;
            Ok(Decision::Keep(SecretOutcome::Stored))
        })
        .await
    }
}
