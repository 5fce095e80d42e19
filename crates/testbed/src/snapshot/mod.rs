//! Everything a server's catalogues hold, as sorted text, so that "nothing was left behind" can be said of a whole
//! server: take a snapshot before and one after, and [`diff`] them.
//!
//! Every table of `pg_catalog` is read in every database that takes connections, whatever PostgreSQL's version has
//! there, so a kind of object that nobody thought of is noticed too. References are resolved to names; one that leads
//! nowhere shows as `dangling oid N`. Access lists are exploded, and an unset one is shown as the default it stands for,
//! so that a grant followed by its revocation leaves no difference. Objects that came with PostgreSQL itself
//! are one line with a hash each, which is worked out once for a server and again when such an object has changed. Left out is what a server changes by itself: statistics, freeze counters, file
//! numbers, hints, and the empty schemas that temporary tables leave for the next session that makes some.

mod known;
mod sql;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::postgres::PostgresHandle;
use known::Run;
use sql::{Query, Table};

/// Reads the catalogues of all databases of a server: one line an entry, each `database | table | content`, sorted within
/// its table; the database is `*` for what all databases share.
///
/// Meant for a server that nobody else changes meanwhile ([`crate::Postgres::start`], [`crate::pool`]).
///
/// # Errors
/// When a database cannot be connected to or a catalogue cannot be read.
pub async fn take(server: &PostgresHandle) -> Result<String> {
    let first = server.client("postgres").await?;
    let databases = first.query("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1", &[]).await?;
    let run = known::run(server, &first).await?;
    let mut text = String::new();
    let tables = sql::tables(&first).await?;
    read_database(&run, &first, &tables, Scope::Shared, &mut text)
        .await
        .context("cannot read the shared catalogues")?;
    for row in &databases {
        let name: String = row.try_get(0)?;
        let client = server.client(&name).await?;
        let reading = read_database(&run, &client, &tables, Scope::Database(&name), &mut text).await;
        reading.with_context(|| format!("cannot read the catalogues of database {name:?}"))?;
    }
    text.pop();
    Ok(text)
}

/// What differs between two snapshots: a line that is only in `before` after `- `, one only in `after` after `+ `.
/// Empty when they are equal. Of a database that only one of them has, PostgreSQL's own objects are not listed.
#[must_use]
pub fn diff(before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    before.lines().for_each(|line| *counts.entry(line).or_default() -= 1);
    after.lines().for_each(|line| *counts.entry(line).or_default() += 1);
    let (old, new) = (databases_in(before), databases_in(after));
    let mut text = String::new();
    for (line, count) in counts {
        let is_in_both = database_of(line).is_none_or(|name| old.contains(name) && new.contains(name));
        if !is_in_both && line.contains("| {\"built in\" : ") {
            continue;
        }
        let sign = if count < 0 { "- " } else { "+ " };
        for _ in 0..count.unsigned_abs() {
            text.push_str(sign);
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn databases_in(snapshot: &str) -> BTreeSet<&str> {
    snapshot.lines().filter_map(database_of).collect()
}

fn database_of(line: &str) -> Option<&str> {
    line.split_once(" | ").map(|(database, _)| database)
}

#[derive(Clone, Copy)]
enum Scope<'a> {
    Shared,
    Database(&'a str),
}

async fn read_database(
    run: &Run,
    client: &Client,
    tables: &[Table],
    scope: Scope<'_>,
    text: &mut String,
) -> Result<()> {
    // What we ask would fill the server's log, compiling it takes longer than running it, and what we see must be of one
    // moment.
    client
        .batch_execute("SET log_statement = 'none'; SET jit = off; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let shared = matches!(scope, Scope::Shared);
    let wanted =
        tables.iter().filter(|table| table.is_read_in(shared)).map(|table| sql::query(table, shared, &run.made));
    let queries: Vec<Query> = wanted.chain(sql::views(shared)).collect();
    let database = match scope {
        Scope::Shared => "*".to_owned(),
        Scope::Database(name) => name.escape_debug().to_string(),
    };
    for (query, row) in queries.iter().zip(client.query(&glances(&queries), &[]).await?) {
        let (fingerprint, has_fresh): (Option<String>, bool) = (row.try_get(0)?, row.try_get(1)?);
        let settled = match fingerprint {
            Some(fingerprint) => known::lines(run, client, query, fingerprint).await?,
            None => Arc::default(),
        };
        let fresh = if has_fresh { read(client, &query.name, &query.fresh).await? } else { String::new() };
        let mut entries: Vec<&str> = settled.lines().chain(fresh.lines()).collect();
        // Stable, because it is quick with two sorted halves.
        entries.sort();
        for entry in entries {
            for part in [&database, " | ", &query.name, " | ", entry, "\n"] {
                text.push_str(part);
            }
        }
    }
    client.batch_execute("COMMIT").await?;
    Ok(())
}

/// One query for all of a database, since each would cost a round trip and there are dozens: a row for each table, in order.
fn glances(queries: &[Query]) -> String {
    let one = |(place, query): (usize, &Query)| format!("SELECT g.*, {place} FROM ({}) AS g", query.glance);
    let all: Vec<String> = queries.iter().enumerate().map(one).collect();
    format!("{} ORDER BY 3", all.join(" UNION ALL "))
}

/// The entries of a query as lines, sorted: one long text instead of many thousand rows, since JSON has no bare newline in
/// it.
async fn read(client: &Client, table: &str, query: &str) -> Result<String> {
    let joined = format!(
        "SELECT coalesce(string_agg(entry, E'\\n' ORDER BY entry COLLATE \"C\"), '') FROM ({query}) AS entries (entry)"
    );
    let row = client.query_one(&joined, &[]).await.with_context(|| format!("cannot read {table}: {query}"))?;
    Ok(row.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn equal_snapshots_have_an_empty_diff() {
        assert_eq!(diff("a\nb", "a\nb"), "");
    }

    #[test]
    fn a_new_database_shows_without_what_every_database_has() {
        let new = "b | pg_proc | {\"built in\" : \"1\"}\nb | pg_proc | {\"proname\" : \"f\"}";
        assert_eq!(diff("a | x | y", &format!("a | x | y\n{new}")), "+ b | pg_proc | {\"proname\" : \"f\"}\n");
        let changed = "b | pg_proc | {\"built in\" : \"2\"}\nb | pg_proc | {\"proname\" : \"f\"}";
        assert_eq!(diff(new, changed).lines().count(), 2);
    }

    #[test]
    fn diff_shows_what_came_and_what_went() {
        assert_eq!(diff("a\nb\nd", "a\nc\nd"), "- b\n+ c\n");
        assert_eq!(diff("a\na", "a"), "- a\n");
    }
}
