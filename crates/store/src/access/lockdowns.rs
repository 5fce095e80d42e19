//! Lockdowns that hold.

use super::{Decision, person_tokens, unreadable};
use crate::Store;
use crate::database::{all, execute};
use async_trait::async_trait;
use mayfly_access::store::{HeldLockdown, Lockdowns, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{Lockdown, WallTime};
use rusqlite::{Row, params};

fn read(row: &Row<'_>) -> rusqlite::Result<HeldLockdown> {
    Ok(HeldLockdown {
        lockdown: Lockdown::parse(&row.get::<_, String>("lockdown")?).map_err(unreadable)?,
        reason: row.get("reason")?,
        by: row.get("made_by")?,
        since: WallTime::from_micros(row.get("since")?),
    })
}

#[async_trait]
impl Lockdowns for Store {
    async fn held(&self) -> Result<Vec<HeldLockdown>, StoreError> {
        self.ask(|connection| Ok(all(connection, include_str!("../../sql/lockdowns.sql"), [], read)?)).await
    }

    async fn hold(&self, held: HeldLockdown, events: Vec<Event>) -> Result<(), StoreError> {
        self.decide(events, move |connection| {
            let values = params![held.lockdown.to_string(), held.reason, held.by, held.since.micros()];
            execute(connection, include_str!("../../sql/lockdown-put.sql"), values)?;
            // A lift does not bring a sign-in back.
            match &held.lockdown {
                Lockdown::All => person_tokens::void_all(connection)?,
                Lockdown::Person(name) => person_tokens::void(connection, name)?,
                Lockdown::Record(_) => {}
            }
            Ok(Decision::Keep(()))
        })
        .await
    }

    async fn lift(&self, lockdown: &Lockdown, events: Vec<Event>) -> Result<bool, StoreError> {
        let lockdown = lockdown.to_string();
        self.decide(events, move |connection| {
            let gone = execute(connection, include_str!("../../sql/lockdown-delete.sql"), [lockdown])?;
            Ok(if gone == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }
}
