//! Answers to requests that came with an idempotency key.

use crate::Store;
use crate::database::{execute, one};
use async_trait::async_trait;
use mayfly_access::store::{Answer, Answers, StoreError};
use mayfly_domain::WallTime;
use rusqlite::{Row, params};

fn read(row: &Row<'_>) -> rusqlite::Result<Answer> {
    Ok(Answer {
        key: row.get("key")?,
        request: row.get("request")?,
        status: row.get("status")?,
        body: row.get("body")?,
        at: WallTime::from_micros(row.get("at")?),
    })
}

#[async_trait]
impl Answers for Store {
    async fn answer(&self, key: &[u8; 32], since: WallTime) -> Result<Option<Answer>, StoreError> {
        let key = *key;
        let sql = include_str!("../../sql/answer-by-key.sql");
        self.ask(move |connection| Ok(one(connection, sql, params![key, since.micros()], read)?)).await
    }

    async fn keep_answer(&self, answer: Answer, since: WallTime) -> Result<(), StoreError> {
        self.decide(Vec::new(), move |connection| {
            execute(connection, include_str!("../../sql/answers-delete-old.sql"), [since.micros()])?;
            let values = params![answer.key, answer.request, answer.status, answer.body, answer.at.micros()];
            execute(connection, include_str!("../../sql/answer-put.sql"), values)?;
            Ok(super::Decision::Keep(()))
        })
        .await
    }
}
