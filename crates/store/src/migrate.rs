//! Schema migrations: numbered files, each applied once, each in a transaction of its own, so that a crash leaves the store
//! at a version and never between two. What a migration says is never edited after a release.

use crate::error::OpenError;
use rusqlite::{Connection, TransactionBehavior};

/// Every migration, in order; the first is number 1.
pub(crate) const ALL: &[&str] = &[
    include_str!("../migrations/0001-ledger-and-trail.sql"),
    include_str!("../migrations/0002-access.sql"),
    include_str!("../migrations/0003-known-targets.sql"),
    include_str!("../migrations/0004-api-tokens.sql"),
    include_str!("../migrations/0005-history.sql"),
    include_str!("../migrations/0006-lockdowns.sql"),
    include_str!("../migrations/0007-native-ids.sql"),
    include_str!("../migrations/0008-bound-secrets.sql"),
    include_str!("../migrations/0009-answers.sql"),
    include_str!("../migrations/0010-epochs.sql"),
    include_str!("../migrations/0011-write-offs.sql"),
    include_str!("../migrations/0012-orphans.sql"),
    include_str!("../migrations/0013-sinks.sql"),
    include_str!("../migrations/0014-webhooks.sql"),
];

/// The version that this program works with.
pub(crate) fn newest() -> u32 {
    u32::try_from(ALL.len()).unwrap_or(u32::MAX)
}

/// The version of a store.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a store to the newest version.
pub(crate) fn run(connection: &mut Connection) -> Result<(), OpenError> {
    run_to(connection, ALL)
}

fn run_to(connection: &mut Connection, all: &[&str]) -> Result<(), OpenError> {
    let found = version(connection)?;
    if found > newest() {
        return Err(OpenError::Newer { found, known: newest() });
    }
    for (number, sql) in (1_u32..).zip(all) {
        if number > found {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(connection: &Connection) -> Vec<(String, String, Option<String>)> {
        let sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn newest_schema() -> Vec<(String, String, Option<String>)> {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        schema(&connection)
    }

    #[test]
    fn every_older_version_becomes_the_newest() {
        let expected = newest_schema();
        assert!(!expected.is_empty());
        for older in 0..ALL.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            run_to(&mut connection, &ALL[..older]).unwrap();
            assert_eq!(version(&connection).unwrap() as usize, older);
            run(&mut connection).unwrap();
            assert_eq!(version(&connection).unwrap(), newest());
            assert_eq!(schema(&connection), expected, "from version {older}");
        }
    }

    /// Whoever adds a migration writes the names of what it makes here, so that nothing comes or goes unseen.
    #[test]
    fn the_schema_is_the_expected_one() {
        let tables: Vec<_> = newest_schema()
            .into_iter()
            .filter(|(kind, name, _)| kind == "table" && !name.starts_with("sqlite_"))
            .map(|(_, name, _)| name)
            .collect();
        assert_eq!(tables, TABLES);
    }

    const TABLES: &[&str] = &[
        "answer",
        "api_token",
        "change",
        "change_history",
        "checkpoint",
        "connect_secret",
        "hold",
        "installation",
        "installation_claim",
        "key_rotation",
        "known_target",
        "lockdown",
        "object",
        "object_revision",
        "orphan",
        "orphan_scan",
        "sealed_secret",
        "session",
        "session_history",
        "sink_cursor",
        "trail",
        "trail_tree",
        "webhook",
        "webhook_delivery",
        "write_off",
    ];

    /// The history keeps whole rows with `INSERT … SELECT *`, which is right only while the columns agree.
    #[test]
    fn history_has_the_columns_of_what_it_keeps() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        let columns = |table: &str| -> Vec<(String, String)> {
            let mut statement =
                connection.prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid").unwrap();
            statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(columns("session"), columns("session_history"));
        assert_eq!(columns("change"), columns("change_history"));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = [ALL[0], "CREATE TABLE half (a); CREATE TABLE half (a);"];
        assert!(run_to(&mut connection, &broken).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        let half: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'half'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(half, 0);
    }

    #[test]
    fn a_newer_store_is_refused_with_both_versions() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", newest() + 1).unwrap();
        let text = run(&mut connection).unwrap_err().to_string();
        assert!(text.contains(&format!("version {}", newest() + 1)), "{text}");
        assert!(text.contains(&format!("up to {}", newest())), "{text}");
    }
}
