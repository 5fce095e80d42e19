//! The lines of PostgreSQL's own objects that this process has read before. They are nine tenths of a snapshot, hashing them
//! takes a server most of a second, and databases made from one template share them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use anyhow::Result;
use tokio_postgres::Client;

use super::read;
use super::sql::Query;
use crate::postgres::PostgresHandle;

/// A server from one start to the next.
pub(super) struct Run {
    /// Its name.
    name: String,
    /// The transaction by which its cluster was made.
    pub(super) made: String,
}

/// A fingerprint means the same in each database of a server, since transactions are numbered for all of them together. A
/// crash may let the server give numbers again, so it means nothing in the next run.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    run: String,
    table: String,
    fingerprint: String,
}

static KNOWN: LazyLock<Mutex<HashMap<Key, Arc<str>>>> = LazyLock::new(Mutex::default);

/// Which run of which server this is.
pub(super) async fn run(server: &PostgresHandle, client: &Client) -> Result<Run> {
    // All that makes a cluster is frozen at the end, and nothing is frozen again in a database that nobody can enter.
    let question = "SELECT pg_postmaster_start_time()::text, datfrozenxid::text FROM pg_database \
                    WHERE datname = 'template0'";
    let row = client.query_one(question, &[]).await?;
    let started: String = row.try_get(0)?;
    Ok(Run { name: format!("{} {started}", server.socket_dir().display()), made: row.try_get(1)? })
}

/// The lines of a table's settled rows; the server is asked only if none of its databases has shown the same rows before.
pub(super) async fn lines(run: &Run, client: &Client, query: &Query, fingerprint: String) -> Result<Arc<str>> {
    let key = Key { run: run.name.clone(), table: query.name.clone(), fingerprint };
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(lines) = known {
        return Ok(lines);
    }
    let lines: Arc<str> = read(client, &query.name, &query.settled).await?.into();
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&lines));
    Ok(lines)
}
