//! Connect secrets, of which only the verifier is kept.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{all, execute};
use async_trait::async_trait;
use mayfly_access::connect_secret::{ConnectSecret, ConnectSecretId, MOST};
use mayfly_access::store::{ConnectSecrets, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{PersonName, RecordName, WallTime};
use rusqlite::{Error, Row, params};

fn read(row: &Row<'_>) -> rusqlite::Result<ConnectSecret> {
    let used: i64 = row.get("used")?;
    Ok(ConnectSecret {
        id: ConnectSecretId::parse(&row.get::<_, String>("id")?).map_err(unreadable)?,
        person: PersonName::parse(&row.get::<_, String>("person")?).map_err(unreadable)?,
        record: RecordName::parse(&row.get::<_, String>("record")?).map_err(unreadable)?,
        issued: WallTime::from_micros(row.get("issued")?),
        expires: WallTime::from_micros(row.get("expires")?),
        verifier: row.get("verifier")?,
        native: row.get("native")?,
        used: u64::try_from(used).map_err(|_| Error::IntegralValueOutOfRange(7, used))?,
        last_used: row.get::<_, Option<i64>>("last_used")?.map(WallTime::from_micros),
    })
}

#[async_trait]
impl ConnectSecrets for Store {
    async fn of(&self, person: &PersonName, record: &RecordName) -> Result<Vec<ConnectSecret>, StoreError> {
        let (person, record) = (person.clone(), record.clone());
        let sql = include_str!("../../sql/connect-secrets-of-pair.sql");
        self.ask(move |connection| Ok(all(connection, sql, [person.as_str(), record.as_str()], read)?)).await
    }

    async fn put(&self, secret: ConnectSecret, events: Vec<Event>) -> Result<(), StoreError> {
        self.decide(events, move |connection| {
            let old = params![secret.person.as_str(), secret.record.as_str(), secret.issued.micros(), MOST - 1];
            execute(connection, include_str!("../../sql/connect-secrets-delete-old.sql"), old)?;
            let values = params![
                secret.person.as_str(),
                secret.record.as_str(),
                secret.id.as_str(),
                secret.issued.micros(),
                secret.expires.micros(),
                secret.verifier,
                i64::try_from(secret.used).unwrap_or(i64::MAX),
                secret.last_used.map(WallTime::micros),
                secret.native,
            ];
            execute(connection, include_str!("../../sql/connect-secret-put.sql"), values)?;
            Ok(Decision::Keep(()))
        })
        .await
    }

    async fn used(&self, id: &ConnectSecretId, at: WallTime, events: Vec<Event>) -> Result<bool, StoreError> {
        let id = id.clone();
        self.decide(events, move |connection| {
            let sql = include_str!("../../sql/connect-secret-used.sql");
            let counted = execute(connection, sql, params![id.as_str(), at.micros()])?;
            Ok(if counted == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }

    async fn delete_expired(&self, now: WallTime) -> Result<u64, StoreError> {
        self.decide(Vec::new(), move |connection| {
            let sql = include_str!("../../sql/connect-secrets-delete-expired.sql");
            let deleted = execute(connection, sql, [now.micros()])? as u64;
            Ok(if deleted == 0 { Decision::Undo(0) } else { Decision::Keep(deleted) })
        })
        .await
    }
}
