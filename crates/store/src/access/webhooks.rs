//! Webhooks and their outbox.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{all, execute};
use async_trait::async_trait;
use mayfly_access::store::{StoreError, Waiting, Webhook, Webhooks};
use mayfly_domain::audit::Event;
use mayfly_domain::{RecordName, WallTime};
use rusqlite::{Row, params};

/// A number as SQLite keeps it; the trail cannot grow past 2^63.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(unreadable)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let kinds: String = row.get("kinds")?;
    Ok(Webhook {
        name: RecordName::parse(&row.get::<_, String>("name")?).map_err(unreadable)?,
        url: row.get("url")?,
        kinds: kinds.split(' ').map(str::to_owned).collect(),
        private: row.get("private")?,
        salt: row.get("salt")?,
        salt_before: row.get("salt_before")?,
        next: number(row, "next")?,
        disabled: row.get("disabled")?,
        made_by: row.get("made_by")?,
        made: WallTime::from_micros(row.get("made")?),
        waiting: number(row, "waiting")?,
        failure: row.get("failure")?,
    })
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        sequence: number(row, "sequence")?,
        tries: row.get("tries")?,
        since: WallTime::from_micros(row.get("since")?),
    })
}

/// Keeps what concerned a row; without one nothing is written.
fn kept(rows: usize) -> Decision<bool> {
    if rows == 0 { Decision::Undo(false) } else { Decision::Keep(true) }
}

#[async_trait]
impl Webhooks for Store {
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.ask(|connection| Ok(all(connection, include_str!("../../sql/webhooks.sql"), [], read)?)).await
    }

    async fn create(&self, webhook: Webhook, events: Vec<Event>) -> Result<bool, StoreError> {
        self.decide(events, move |connection| {
            let values = params![
                webhook.name.as_str(),
                webhook.url,
                webhook.kinds.join(" "),
                webhook.private,
                webhook.salt,
                stored(webhook.next),
                webhook.made_by,
                webhook.made.micros(),
            ];
            Ok(kept(execute(connection, include_str!("../../sql/webhook-insert.sql"), values)?))
        })
        .await
    }

    async fn delete_webhook(&self, name: &RecordName, events: Vec<Event>) -> Result<bool, StoreError> {
        let name = name.clone();
        let sql = include_str!("../../sql/webhook-delete.sql");
        self.decide(events, move |connection| Ok(kept(execute(connection, sql, [name.as_str()])?))).await
    }

    async fn rotate(&self, name: &RecordName, salt: Option<Vec<u8>>, events: Vec<Event>) -> Result<bool, StoreError> {
        let name = name.clone();
        let sql = include_str!("../../sql/webhook-rotate.sql");
        self.decide(events, move |connection| Ok(kept(execute(connection, sql, params![name.as_str(), salt])?))).await
    }

    async fn switch(
        &self,
        name: &RecordName,
        disabled: Option<String>,
        now: WallTime,
        events: Vec<Event>,
    ) -> Result<bool, StoreError> {
        let name = name.clone();
        self.decide(events, move |connection| {
            if disabled.is_none() {
                let renew = include_str!("../../sql/webhook-deliveries-renew.sql");
                execute(connection, renew, params![name.as_str(), now.micros()])?;
            }
            let values = params![name.as_str(), disabled];
            Ok(kept(execute(connection, include_str!("../../sql/webhook-switch.sql"), values)?))
        })
        .await
    }

    async fn enqueue(
        &self,
        name: &RecordName,
        sequences: Vec<u64>,
        next: u64,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let name = name.clone();
        self.decide(Vec::new(), move |connection| {
            let advance = include_str!("../../sql/webhook-advance.sql");
            // A receiver that was deleted meanwhile gets nothing.
            if execute(connection, advance, params![name.as_str(), stored(next)])? > 0 {
                for sequence in sequences {
                    let values = params![name.as_str(), stored(sequence), now.micros()];
                    execute(connection, include_str!("../../sql/webhook-delivery-put.sql"), values)?;
                }
            }
            Ok(Decision::Keep(()))
        })
        .await
    }

    async fn due_of(&self, name: &RecordName, now: WallTime, limit: u32) -> Result<Vec<Waiting>, StoreError> {
        let name = name.clone();
        let sql = include_str!("../../sql/webhook-deliveries-due.sql");
        self.ask(move |connection| Ok(all(connection, sql, params![name.as_str(), now.micros(), limit], waiting)?))
            .await
    }

    async fn taken(&self, name: &RecordName, sequence: u64) -> Result<(), StoreError> {
        let name = name.clone();
        self.decide(Vec::new(), move |connection| {
            let values = params![name.as_str(), stored(sequence)];
            execute(connection, include_str!("../../sql/webhook-delivery-delete.sql"), values)?;
            Ok(Decision::Keep(()))
        })
        .await
    }

    async fn postpone(
        &self,
        name: &RecordName,
        sequence: u64,
        next_try: WallTime,
        failure: String,
    ) -> Result<(), StoreError> {
        let name = name.clone();
        self.decide(Vec::new(), move |connection| {
            let values = params![name.as_str(), stored(sequence), next_try.micros(), failure];
            execute(connection, include_str!("../../sql/webhook-delivery-postpone.sql"), values)?;
            Ok(Decision::Keep(()))
        })
        .await
    }
}
