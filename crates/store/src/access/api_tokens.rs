//! Tokens of the API, of which only the hash is kept.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{all, execute, one};
use async_trait::async_trait;
use mayfly_access::api_token::ApiToken;
use mayfly_access::store::{ApiTokens, IssueOutcome, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{ApiTokenId, RecordName, Scope, WallTime};
use rusqlite::{Row, params};

fn read(row: &Row<'_>) -> rusqlite::Result<ApiToken> {
    let scopes: String = row.get("scopes")?;
    Ok(ApiToken {
        id: ApiTokenId::parse(&row.get::<_, String>("id")?).map_err(unreadable)?,
        name: RecordName::parse(&row.get::<_, String>("name")?).map_err(unreadable)?,
        scopes: scopes.split(' ').map(Scope::parse).collect::<Result<_, _>>().map_err(unreadable)?,
        issued: WallTime::from_micros(row.get("issued")?),
        expires: WallTime::from_micros(row.get("expires")?),
        made_by: row.get("made_by")?,
        hash: row.get("hash")?,
    })
}

#[async_trait]
impl ApiTokens for Store {
    async fn get(&self, id: &ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let id = id.clone();
        let sql = include_str!("../../sql/api-token-by-id.sql");
        self.ask(move |connection| Ok(one(connection, sql, [id.as_str()], read)?)).await
    }

    async fn list(&self, after: Option<&ApiTokenId>, limit: u32) -> Result<Vec<ApiToken>, StoreError> {
        let after = after.map_or(String::new(), ToString::to_string);
        let sql = include_str!("../../sql/api-tokens.sql");
        self.ask(move |connection| Ok(all(connection, sql, params![after, limit], read)?)).await
    }

    async fn put(&self, token: ApiToken, events: Vec<Event>) -> Result<IssueOutcome, StoreError> {
        self.decide(events, move |connection| {
            execute(connection, include_str!("../../sql/api-tokens-delete-expired.sql"), [token.issued.micros()])?;
            let by_name = include_str!("../../sql/api-token-by-name.sql");
            let taken = one(connection, by_name, [token.name.as_str()], |row| {
                ApiTokenId::parse(&row.get::<_, String>(0)?).map_err(unreadable)
            })?;
            if let Some(id) = taken {
                return Ok(Decision::Undo(IssueOutcome::NameTaken(id)));
            }
            let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
            let values = params![
                token.id.as_str(),
                token.name.as_str(),
                scopes.join(" "),
                token.issued.micros(),
                token.expires.micros(),
                token.made_by,
                token.hash,
            ];
            execute(connection, include_str!("../../sql/api-token-put.sql"), values)?;
            Ok(Decision::Keep(IssueOutcome::Stored))
        })
        .await
    }

    async fn revoke(&self, id: &ApiTokenId, events: Vec<Event>) -> Result<bool, StoreError> {
        let id = id.clone();
        self.decide(events, move |connection| {
            let gone = execute(connection, include_str!("../../sql/api-token-delete.sql"), [id.as_str()])?;
            Ok(if gone == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }
}
