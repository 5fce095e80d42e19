//! How far the exchange of the installation's key has come, and the secrets that are sealed anew with it.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{execute, one};
use async_trait::async_trait;
use mayfly_access::store::{KeyRotation, KeyRotations, Resealed, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{RecordName, WallTime};
use rusqlite::{Row, params};

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRotation> {
    let cursor: String = row.get("cursor")?;
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    Ok(KeyRotation {
        from: row.get("from_key")?,
        to: row.get("to_key")?,
        cursor: cursor.map(|cursor| RecordName::parse(&cursor)).transpose().map_err(unreadable)?,
        begun: WallTime::from_micros(row.get("begun")?),
    })
}

fn text(cursor: Option<&RecordName>) -> &str {
    cursor.map_or("", RecordName::as_str)
}

#[async_trait]
impl KeyRotations for Store {
    async fn rotation(&self) -> Result<Option<KeyRotation>, StoreError> {
        self.ask(|connection| Ok(one(connection, include_str!("../../sql/key-rotation.sql"), [], read)?)).await
    }

    async fn begin(&self, rotation: KeyRotation, events: Vec<Event>) -> Result<bool, StoreError> {
        self.decide(events, move |connection| {
            let KeyRotation { from, to, cursor, begun } = rotation;
            let values = params![from, to, text(cursor.as_ref()), begun.micros()];
            let begun = execute(connection, include_str!("../../sql/key-rotation-begin.sql"), values)?;
            Ok(if begun == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }

    async fn reseal(&self, resealed: Vec<Resealed>, cursor: Option<RecordName>) -> Result<(), StoreError> {
        self.decide(Vec::new(), move |connection| {
            for Resealed { user, before, after } in &resealed {
                let sql = include_str!("../../sql/sealed-secret-reseal.sql");
                execute(connection, sql, params![user.as_str(), before, after])?;
            }
            execute(connection, include_str!("../../sql/key-rotation-move.sql"), [text(cursor.as_ref())])?;
            Ok(Decision::Keep(()))
        })
        .await
    }

    async fn end(&self, events: Vec<Event>) -> Result<bool, StoreError> {
        self.decide(events, |connection| {
            let ended = execute(connection, include_str!("../../sql/key-rotation-end.sql"), [])?;
            Ok(if ended == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }
}
