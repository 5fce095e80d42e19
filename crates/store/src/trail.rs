//! The audit trail in the store: appending with sequence and hashes, reading, and the check of what is there when the store
//! is opened.

use crate::Store;
use crate::database::{all, execute, one};
use crate::error::{OpenError, Stop};
use crate::merkle::{self, Hash, Tree};
use async_trait::async_trait;
use mayfly_domain::InstallationId;
use mayfly_domain::audit::Event;
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::{Cursors, Trail, TrailEntry};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;

#[async_trait]
impl Trail for Store {
    async fn entries(&self, from: u64, limit: u32) -> Result<Vec<TrailEntry>, LedgerError> {
        self.read(move |connection| {
            let Ok(from) = i64::try_from(from) else { return Ok(Vec::new()) };
            let sql = include_str!("../sql/trail-entries.sql");
            Ok(all(connection, sql, params![from, limit], entry)?)
        })
        .await
    }

    async fn size(&self) -> Result<u64, LedgerError> {
        self.read(|connection| Ok(read_tree(connection)?.map_or(0, |(size, _)| size))).await
    }
}

#[async_trait]
impl Cursors for Store {
    async fn cursor(&self, sink: &str) -> Result<Option<u64>, LedgerError> {
        let sink = sink.to_owned();
        let sql = include_str!("../sql/sink-cursor.sql");
        self.read(move |connection| Ok(one(connection, sql, [sink], |row| number(row, 0))?)).await
    }

    async fn advance(&self, sink: &str, next: u64) -> Result<(), LedgerError> {
        let (sink, next) = (sink.to_owned(), stored(next));
        let advanced = self.write(Vec::new(), move |connection| {
            execute(connection, include_str!("../sql/sink-cursor-put.sql"), params![sink, next])?;
            Ok(())
        });
        advanced.await.map_err(LedgerError::from)
    }
}

/// Reads an entry: its number, then its bytes.
pub(crate) fn entry(row: &Row<'_>) -> rusqlite::Result<TrailEntry> {
    Ok(TrailEntry { sequence: number(row, 0)?, bytes: row.get(1)? })
}

/// Reads a column that counts something.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A count as SQLite keeps it. The trail cannot grow past 2^63.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read_tree(connection: &Connection) -> rusqlite::Result<Option<(u64, Vec<u8>)>> {
    one(connection, include_str!("../sql/tree-read.sql"), [], |row| Ok((number(row, 0)?, row.get(1)?)))
}

/// The tree as the store keeps it, without checking it against the entries.
pub(crate) fn load(connection: &Connection) -> Result<Tree, Stop> {
    let last = one(connection, include_str!("../sql/trail-last.sql"), [], |row| row.get::<_, Hash>(0))?;
    let (size, peaks) = read_tree(connection)?.unwrap_or_default();
    Tree::from_parts(size, &peaks, last.unwrap_or_default())
        .ok_or_else(|| Stop::Unavailable("the tree of the audit trail does not add up".to_owned()))
}

/// Appends events to the trail and to `tree`; [`save`] follows at the end of the batch.
pub(crate) fn append(
    connection: &Connection,
    installation: &InstallationId,
    tree: &mut Tree,
    events: &[Event],
) -> Result<(), Stop> {
    let sql = include_str!("../sql/trail-append.sql");
    for event in events {
        let bytes = event.canonical(installation, tree.size(), tree.last());
        let leaf = merkle::leaf(&bytes);
        execute(connection, sql, params![stored(tree.size()), leaf, bytes])?;
        tree.append(leaf);
    }
    Ok(())
}

/// Keeps the tree beside the entries that it was made of.
pub(crate) fn save(connection: &Connection, tree: &Tree) -> rusqlite::Result<()> {
    let values = params![stored(tree.size()), tree.peaks()];
    execute(connection, include_str!("../sql/tree-write.sql"), values).map(drop)
}

/// Keeps a signed checkpoint.
pub(crate) fn keep_checkpoint(connection: &Connection, size: u64, note: &str) -> rusqlite::Result<()> {
    execute(connection, include_str!("../sql/checkpoint-insert.sql"), params![stored(size), note]).map(drop)
}

/// The size of the store's own largest checkpoint; `None` when it has none.
pub(crate) fn last_checkpoint(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let sql = include_str!("../sql/checkpoint-last.sql");
    let size: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(size.and_then(|size| u64::try_from(size).ok()))
}

/// Recomputes the tree from every leaf hash and holds it against the one that the store keeps. Answers the roots at the
/// sizes asked for, as far as the trail reaches.
pub(crate) fn check(connection: &Connection, sizes: &[u64]) -> Result<(Tree, BTreeMap<u64, Hash>), OpenError> {
    let mut tree = Tree::default();
    let mut roots: BTreeMap<u64, Hash> =
        sizes.iter().filter(|size| **size == 0).map(|size| (*size, tree.root())).collect();
    let mut statement = connection.prepare(include_str!("../sql/trail-leaves.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let sequence = number(row, 0)?;
        if sequence != tree.size() {
            let text = format!("entry {} of the audit trail is missing, the next one is {sequence}", tree.size());
            return Err(OpenError::Broken(text));
        }
        tree.append(row.get(1)?);
        if sizes.contains(&tree.size()) {
            roots.insert(tree.size(), tree.root());
        }
    }
    let kept = read_tree(connection)?.unwrap_or_default();
    if kept != (tree.size(), tree.peaks()) {
        let text = format!("the audit trail has {} entries, and its tree is of {} others", tree.size(), kept.0);
        return Err(OpenError::Broken(text));
    }
    let last = one(connection, include_str!("../sql/trail-last.sql"), [], |row| {
        Ok((row.get::<_, Hash>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    if last.is_some_and(|(leaf, bytes)| merkle::leaf(&bytes) != leaf) {
        return Err(OpenError::Broken("the last entry of the audit trail does not have its hash".to_owned()));
    }
    Ok((tree, roots))
}
