//! Everything a server's catalogues hold, as sorted text, so that "nothing was left behind" can be said of a whole
//! server: take a snapshot before and one after, and [`diff`] them.
//!
//! Every table of `pg_catalog` is read in every database that takes connections, whatever PostgreSQL's version has
//! there, so a kind of object that nobody thought of is noticed too. References are resolved to names; one that leads
//! nowhere shows as `dangling oid N`. Access lists are exploded, and an unset one is shown as the default it stands for,
//! so that a grant followed by its revocation leaves no difference. Objects that came with PostgreSQL itself
//! are one line with a hash each. Left out is what a server changes by itself: statistics, freeze counters, file
//! numbers, hints, and the empty schemas that temporary tables leave for the next session that makes some.

mod sql;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::postgres::PostgresHandle;

/// Reads the catalogues of all databases of a server: one line an entry, sorted, each `database | table | content`;
/// the database is `*` for what all databases share.
///
/// Meant for a server that nobody else changes meanwhile ([`crate::Postgres::start`]).
///
/// # Errors
/// When a database cannot be connected to or a catalogue cannot be read.
pub async fn take(server: &PostgresHandle) -> Result<String> {
    let first = server.client("postgres").await?;
    let databases = first.query("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1", &[]).await?;
    let mut lines = Vec::new();
    read_database(&first, Scope::Shared, &mut lines).await.context("cannot read the shared catalogues")?;
    for row in &databases {
        let name: String = row.try_get(0)?;
        let client = server.client(&name).await?;
        let reading = read_database(&client, Scope::Database(&name), &mut lines).await;
        reading.with_context(|| format!("cannot read the catalogues of database {name:?}"))?;
    }
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

/// What differs between two snapshots: a line that is only in `before` after `- `, one only in `after` after `+ `.
/// Empty when they are equal. Of a database that only one of them has, PostgreSQL's own objects are not listed.
#[must_use]
pub fn diff(before: &str, after: &str) -> String {
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

async fn read_database(client: &Client, scope: Scope<'_>, lines: &mut Vec<String>) -> Result<()> {
    // What we ask would fill the server's log, compiling it takes longer than running it, and what we see must be of one
    // moment.
    client.batch_execute("SET log_statement = 'none'; SET jit = off").await?;
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let shared = matches!(scope, Scope::Shared);
    let mut queries =
        sql::tables(client).await?.iter().filter(|t| t.is_read_in(shared)).map(|t| sql::query(t, shared)).collect();
    sql::add_views(shared, &mut queries);
    let database = match scope {
        Scope::Shared => "*".to_owned(),
        Scope::Database(name) => name.escape_debug().to_string(),
    };
    for (what, query) in queries {
        // One long text instead of many thousand rows: JSON has no bare newline in it.
        let joined = format!("SELECT string_agg(entry, E'\\n') FROM ({query}) AS entries (entry)");
        let row = client.query_one(&joined, &[]).await.with_context(|| format!("cannot read {what}: {query}"))?;
        let entries: Option<String> = row.try_get(0)?;
        lines.extend(entries.iter().flat_map(|e| e.lines()).map(|entry| format!("{database} | {what} | {entry}")));
    }
    client.batch_execute("COMMIT").await?;
    Ok(())
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
