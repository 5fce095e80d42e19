//! Schema migrations: numbered files, each applied once, each in a transaction of its own, so that a crash leaves the store
//! at a version and never between two. What a migration says is never edited after a release.

use crate::database::{self, execute, one};
use crate::error::OpenError;
use rusqlite::{Connection, TransactionBehavior};
use std::io;
use std::path::{Path, PathBuf};

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
    include_str!("../migrations/0015-use.sql"),
    include_str!("../migrations/0016-person-tokens.sql"),
    include_str!("../migrations/0017-connect-secrets-side-by-side.sql"),
    include_str!("../migrations/0018-native-verifiers.sql"),
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
    if version(connection)? > newest() {
        return Err(too_new(connection));
    }
    run_to(connection, ALL)?;
    if program(connection).as_deref() != Some(PROGRAM) {
        execute(connection, include_str!("../sql/program-write.sql"), [PROGRAM])?;
    }
    Ok(())
}

/// Brings the store in `directory` to the newest version. Where that changes the schema, the store as it was is kept beside it first, so
/// that a program of before can be gone back to.
pub(crate) fn run_kept(connection: &mut Connection, directory: &Path) -> Result<(), OpenError> {
    let found = version(connection)?;
    if found > 0 && found < newest() {
        let kept = kept_before(directory, newest());
        // One that was cut short, or of an upgrade that was undone, is made anew.
        if let Err(source) = std::fs::remove_file(&kept)
            && source.kind() != io::ErrorKind::NotFound
        {
            return Err(OpenError::File { path: kept, source });
        }
        database::write_copy(connection, &kept)?;
        forget_older(directory, &kept)?;
        tracing::info!(from = found, to = newest(), kept = %kept.display(), "The schema of the store is brought up to date");
    }
    run(connection)
}

/// Of several upgrades only what was before the last one is kept.
fn forget_older(directory: &Path, kept: &Path) -> Result<(), OpenError> {
    for entry in std::fs::read_dir(directory).map_err(OpenError::file(directory))? {
        let path = entry.map_err(OpenError::file(directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("before-schema-") && name.ends_with(".db") && path != kept {
            std::fs::remove_file(&path).map_err(OpenError::file(&path))?;
        }
    }
    Ok(())
}

/// Where the store as it was before it was brought to this version is kept.
fn kept_before(directory: &Path, version: u32) -> PathBuf {
    directory.join(format!("before-schema-{version}.db"))
}

/// The version of this program.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Which version of the program brought the schema up to date, where the store says so.
fn program(connection: &Connection) -> Option<String> {
    one(connection, include_str!("../sql/program-read.sql"), [], |row| row.get(0)).ok().flatten()
}

/// Why a store that a later version has written is not opened.
pub(crate) fn too_new(connection: &Connection) -> OpenError {
    let found = version(connection).unwrap_or_default();
    let program = program(connection).unwrap_or_else(|| "a newer version".to_owned());
    // The first step beyond what this program knows is where there is a copy that it can read.
    let kept = connection.path().and_then(|path| Path::new(path).parent()).map_or_else(PathBuf::new, |directory| {
        (newest() + 1..=found)
            .map(|version| kept_before(directory, version))
            .find(|kept| kept.exists())
            .unwrap_or_else(|| kept_before(directory, found))
    });
    OpenError::Newer { found, known: newest(), program, kept }
}

fn run_to(connection: &mut Connection, all: &[&str]) -> Result<(), OpenError> {
    let found = version(connection)?;
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
        "person_token",
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

    /// The way back: the store of before is kept, can be opened by the program of before, and is named by a program that is too old.
    #[test]
    fn what_was_before_a_migration_is_kept_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mayfly.db");
        let mut connection = Connection::open(&path).unwrap();
        run_to(&mut connection, &ALL[..ALL.len() - 1]).unwrap();
        connection.execute("INSERT INTO installation (one, id) VALUES (1, 'ins_1')", []).unwrap();
        let older = directory.path().join("before-schema-2.db");
        std::fs::write(&older, "of an upgrade before").unwrap();
        let kept = kept_before(directory.path(), newest());
        std::fs::write(&kept, "cut short").unwrap();
        run_kept(&mut connection, directory.path()).unwrap();
        assert_eq!(version(&connection).unwrap(), newest());
        assert!(!older.exists());
        let before = Connection::open(&kept).unwrap();
        assert_eq!(version(&before).unwrap(), newest() - 1);
        let id: String = before.query_row("SELECT id FROM installation", [], |row| row.get(0)).unwrap();
        assert_eq!(id, "ins_1");
        // Nothing changes at the next start, so nothing is kept then.
        std::fs::remove_file(&kept).unwrap();
        run_kept(&mut connection, directory.path()).unwrap();
        assert!(!kept.exists());
        // A program of before meets the store of a later one.
        let later = kept_before(directory.path(), newest() + 1);
        std::fs::write(&later, "").unwrap();
        connection.pragma_update(None, "user_version", newest() + 1).unwrap();
        connection.execute("UPDATE installation SET program = '9.9.9'", []).unwrap();
        let text = run_kept(&mut connection, directory.path()).unwrap_err().to_string();
        let expected = [format!("version {}", newest() + 1), format!("up to {}", newest()), "mayfly 9.9.9".to_owned()];
        assert!(expected.iter().all(|part| text.contains(part)), "{text}");
        assert!(text.contains(later.to_str().unwrap()), "{text}");
    }
}
