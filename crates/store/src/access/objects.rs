//! Objects: one table of canonical JSON, one revision for the whole set.

use super::{Decision, person_tokens, unreadable};
use crate::Store;
use crate::database::{all, execute, one};
use crate::error::Stop;
use async_trait::async_trait;
use mayfly_access::objects::{Kind, Object, ObjectId};
use mayfly_access::store::{ApplyOutcome, Batch, Objects, Snapshot, StoreError};
use mayfly_domain::ChangeId;
use rusqlite::{Connection, Error, Result, params};

/// How many changes are named when a credential is in use.
const NAMED_MOST: u32 = 20;

/// The column holds no kind that this version knows.
#[derive(Debug, thiserror::Error)]
#[error("there is an object of the kind {0:?}, which this version does not know")]
struct UnknownKind(String);

#[async_trait]
impl Objects for Store {
    async fn snapshot(&self) -> std::result::Result<Snapshot, StoreError> {
        self.ask(|connection| {
            let mut objects = all(connection, include_str!("../../sql/objects-all.sql"), [], |row| {
                let kind: String = row.get(0)?;
                let kind = Kind::parse(&kind).ok_or_else(|| unreadable(UnknownKind(kind)))?;
                Object::from_json(kind, &row.get::<_, String>(2)?).map_err(unreadable)
            })?;
            objects.sort_by_key(Object::id);
            Ok(Snapshot { revision: revision(connection)?, objects })
        })
        .await
    }

    async fn get(&self, id: &ObjectId) -> std::result::Result<Option<Object>, StoreError> {
        let id = id.clone();
        self.ask(move |connection| {
            let sql = include_str!("../../sql/object-by-id.sql");
            Ok(one(connection, sql, [id.kind().as_str(), id.name()], |row| {
                Object::from_json(id.kind(), &row.get::<_, String>(0)?).map_err(unreadable)
            })?)
        })
        .await
    }

    async fn apply(&self, batch: Batch) -> std::result::Result<ApplyOutcome, StoreError> {
        let Batch { expected, put, delete, events } = batch;
        let applied = self.decide(events, move |connection| apply(connection, expected, &put, &delete)).await;
        self.status.credentials_changed();
        applied
    }
}

fn revision(connection: &Connection) -> Result<u64> {
    let sql = include_str!("../../sql/object-revision.sql");
    let revision: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    u64::try_from(revision).map_err(|_| Error::IntegralValueOutOfRange(0, revision))
}

fn apply(
    connection: &Connection,
    expected: u64,
    put: &[Object],
    delete: &[ObjectId],
) -> std::result::Result<Decision<ApplyOutcome>, Stop> {
    let revision = revision(connection)?;
    if revision != expected {
        return Ok(Decision::Undo(ApplyOutcome::Stale { revision }));
    }
    for id in delete {
        let changes = changes_in_need_of(connection, id)?;
        if !changes.is_empty() {
            return Ok(Decision::Undo(ApplyOutcome::InUse { object: id.clone(), changes }));
        }
    }
    for id in delete {
        remove(connection, id)?;
    }
    for object in put {
        if let Object::Person(person) = object {
            person_tokens::void_changed(connection, person)?;
        }
        let id = object.id();
        let values = params![id.kind().as_str(), id.name(), object.to_json()];
        execute(connection, include_str!("../../sql/object-put.sql"), values)?;
    }
    execute(connection, include_str!("../../sql/object-revision-raise.sql"), [])?;
    Ok(Decision::Keep(ApplyOutcome::Applied { revision: revision + 1 }))
}

/// The unfinished changes whose undoing needs this object: only user records are ever needed.
fn changes_in_need_of(connection: &Connection, id: &ObjectId) -> Result<Vec<ChangeId>> {
    let ObjectId::User(name) = id else { return Ok(Vec::new()) };
    let there =
        one(connection, include_str!("../../sql/object-by-id.sql"), [id.kind().as_str(), id.name()], |_| Ok(()))?;
    if there.is_none() {
        return Ok(Vec::new());
    }
    let sql = include_str!("../../sql/credential-in-use.sql");
    all(connection, sql, params![name.as_str(), NAMED_MOST], |row| {
        ChangeId::parse(&row.get::<_, String>(0)?).map_err(unreadable)
    })
}

/// Deletes an object with what goes with it.
fn remove(connection: &Connection, id: &ObjectId) -> Result<()> {
    let sql = include_str!("../../sql/object-delete.sql");
    if execute(connection, sql, [id.kind().as_str(), id.name()])? == 0 {
        return Ok(());
    }
    if let ObjectId::Person(name) = id {
        person_tokens::void(connection, name)?;
    }
    let with_it = match id {
        ObjectId::User(_) => include_str!("../../sql/sealed-secret-delete.sql"),
        ObjectId::Person(_) => include_str!("../../sql/connect-secrets-delete-person.sql"),
        ObjectId::Database(_) | ObjectId::Machine(_) | ObjectId::Directory(_) => {
            include_str!("../../sql/connect-secrets-delete-record.sql")
        }
    };
    execute(connection, with_it, [id.name()]).map(drop)
}
