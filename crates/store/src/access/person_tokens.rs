//! Tokens of people who have signed in, of which only the hash is kept.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{all, execute, one};
use async_trait::async_trait;
use mayfly_access::objects::{Kind, Object, Person};
use mayfly_access::person_token::{MOST, PersonToken};
use mayfly_access::store::{PersonTokens, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{Lockdown, PersonName, PersonTokenId, WallTime};
use rusqlite::{Connection, Result, Row, params};

fn read(row: &Row<'_>) -> Result<PersonToken> {
    Ok(PersonToken {
        id: PersonTokenId::parse(&row.get::<_, String>("id")?).map_err(unreadable)?,
        person: PersonName::parse(&row.get::<_, String>("person")?).map_err(unreadable)?,
        issued: WallTime::from_micros(row.get("issued")?),
        expires: WallTime::from_micros(row.get("expires")?),
        hash: row.get("hash")?,
    })
}

/// The person of that name as the store holds them now.
fn person(connection: &Connection, name: &PersonName) -> Result<Option<Person>> {
    let sql = include_str!("../../sql/object-by-id.sql");
    let found = one(connection, sql, [Kind::Person.as_str(), name.as_str()], |row| {
        Object::from_json(Kind::Person, &row.get::<_, String>(0)?).map_err(unreadable)
    })?;
    Ok(found.and_then(|object| if let Object::Person(person) = object { Some(person) } else { None }))
}

/// Whether the person could sign in with this password hash now.
fn may_sign_in(connection: &Connection, name: &PersonName, password_hash: &str) -> Result<bool> {
    let known = person(connection, name)?;
    let is_it = |person: &Person| !person.disabled && person.password_hash.as_deref() == Some(password_hash);
    let locked = all(connection, include_str!("../../sql/lockdowns.sql"), [], |row| {
        Lockdown::parse(&row.get::<_, String>("lockdown")?).map_err(unreadable)
    })?;
    Ok(known.as_ref().is_some_and(is_it) && !locked.iter().any(|lockdown| lockdown.locks_out(name)))
}

/// Voids the tokens of a person who is about to be stored like this, if what they rest on changes.
pub(super) fn void_changed(connection: &Connection, after: &Person) -> Result<()> {
    let before = person(connection, &after.name)?;
    if after.disabled || before.is_none_or(|before| before.password_hash != after.password_hash) {
        void(connection, &after.name)?;
    }
    Ok(())
}

/// Voids the tokens of a person.
pub(super) fn void(connection: &Connection, name: &PersonName) -> Result<()> {
    execute(connection, include_str!("../../sql/person-tokens-delete-person.sql"), [name.as_str()]).map(drop)
}

/// Voids every token of a person.
pub(crate) fn void_all(connection: &Connection) -> Result<()> {
    execute(connection, include_str!("../../sql/person-tokens-delete-all.sql"), []).map(drop)
}

#[async_trait]
impl PersonTokens for Store {
    async fn person_token(&self, id: &PersonTokenId) -> std::result::Result<Option<PersonToken>, StoreError> {
        let id = id.clone();
        let sql = include_str!("../../sql/person-token-by-id.sql");
        self.ask(move |connection| Ok(one(connection, sql, [id.as_str()], read)?)).await
    }

    async fn put_person_token(
        &self,
        token: PersonToken,
        proved_by: &str,
        events: Vec<Event>,
    ) -> std::result::Result<bool, StoreError> {
        let proved_by = proved_by.to_owned();
        self.decide(events, move |connection| {
            if !may_sign_in(connection, &token.person, &proved_by)? {
                return Ok(Decision::Undo(false));
            }
            let (name, issued) = (token.person.as_str(), token.issued.micros());
            let sql = include_str!("../../sql/person-tokens-delete-old.sql");
            execute(connection, sql, params![issued, name, MOST - 1])?;
            let values = params![token.id.as_str(), name, issued, token.expires.micros(), token.hash];
            execute(connection, include_str!("../../sql/person-token-put.sql"), values)?;
            Ok(Decision::Keep(true))
        })
        .await
    }

    async fn revoke_person_token(
        &self,
        id: &PersonTokenId,
        events: Vec<Event>,
    ) -> std::result::Result<bool, StoreError> {
        let id = id.clone();
        self.decide(events, move |connection| {
            let gone = execute(connection, include_str!("../../sql/person-token-delete.sql"), [id.as_str()])?;
            Ok(if gone == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }
}
