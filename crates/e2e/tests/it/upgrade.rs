//! Drill: upgrade and downgrade. The store of the schema before, with sessions that live and removals that are not finished, is taken up
//! by this version; a store of a later one is refused with the way back, which is then gone. See `docs/drills/upgrade-and-downgrade.md`.

use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// The migrations, as the store has them, oldest first.
fn migrations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn names(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Makes of a store the one that a program of the schema before would have written: its migrations, and every row as far as it had
/// columns for it. The file stays the same one. Gives back the version.
fn as_before(store: &Path) -> u32 {
    let all = migrations();
    let older = store.with_file_name("older.db");
    let connection = Connection::open(&older).unwrap();
    for file in &all[..all.len() - 1] {
        connection.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
    }
    connection.execute("ATTACH ?1 AS now", [store.to_str().unwrap()]).unwrap();
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'";
    for table in names(&connection, tables) {
        let columns =
            |schema: &str| names(&connection, &format!("SELECT name FROM pragma_table_info('{table}', '{schema}')"));
        let known = columns("now");
        let both: Vec<_> = columns("main").into_iter().filter(|column| known.contains(column)).collect();
        let both = both.join(", ");
        let sql = format!("DELETE FROM main.{table}; INSERT INTO main.{table} ({both}) SELECT {both} FROM now.{table}");
        connection.execute_batch(&sql).unwrap();
    }
    let version = u32::try_from(all.len()).unwrap() - 1;
    connection.pragma_update(None, "user_version", version).unwrap();
    connection.pragma_update(None, "application_id", 0x6d66_6c79).unwrap();
    drop(connection);
    for side in ["mayfly.db-wal", "mayfly.db-shm"] {
        drop(std::fs::remove_file(store.with_file_name(side)));
    }
    std::fs::write(store, std::fs::read(&older).unwrap()).unwrap();
    std::fs::remove_file(older).unwrap();
    version
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_schema_before_goes_on_and_the_way_back_is_kept() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let installation = &world.installation;
    let lifted = Record { launch: Some("app"), ..Record::new("lifted") };
    let records = [(Record::new("orders"), None), (lifted, Some(&world.app))];
    let running = world.serve(&["alice", "bob"], &records).unwrap();
    let ticket = |person, record| world.ticket(person, record).unwrap();
    let (mut hers, mut his, mut theirs) = (
        ticket("alice", "orders").open().unwrap(),
        ticket("bob", "orders").open().unwrap(),
        ticket("alice", "lifted").open().unwrap(),
    );
    let account = his.query("select current_user").unwrap();
    hers.query("select 1").unwrap();
    theirs.query("select 1").unwrap();
    assert!(world.is_member("app", "readonly").unwrap());
    // Somebody holds the catalogue, so that his account cannot be removed.
    let blocker = world.server.client("postgres").await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE pg_authid IN SHARE MODE").await.unwrap();
    let his_session = installation.sessions().unwrap();
    let his_session = his_session.iter().find(|session| session["account"] == account.as_str()).unwrap();
    let end = installation.command().unwrap().args(["sessions", "end", his_session["id"].as_str().unwrap()]).spawn();
    wait::until("a removal is owed", LIMIT, || Ok(!installation.owed()?.is_empty())).unwrap();
    running.kill_9().unwrap();
    drop(end.unwrap().wait());
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(world.accounts().unwrap(), 2);

    let store = installation.data().join("mayfly.db");
    let before = as_before(&store);
    if !migrations()[..before as usize].iter().any(|file| file.to_str().unwrap().ends_with("-epochs.sql")) {
        // A program of before there were epochs had written nothing of them outside either.
        std::fs::remove_file(installation.directory().join("log/checkpoints/epoch")).unwrap();
    }
    let running = installation.start().unwrap();
    world.as_before("sessions of the schema before").await.unwrap();
    assert!(installation.log().contains("The schema of the store is brought up to date"), "{}", installation.log());
    installation.verify_trail().unwrap();
    drop((hers, his, theirs));
    assert_eq!(ticket("alice", "orders").query("select 1").unwrap(), "1");
    world.all_out().unwrap();
    running.stop().unwrap();
    let kept = installation.data().join(format!("before-schema-{}.db", before + 1));
    let version: u32 =
        Connection::open(&kept).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, before);

    // A later version has been here: this one is the older one now.
    let later = installation.data().join(format!("before-schema-{}.db", before + 2));
    std::fs::copy(&store, &later).unwrap();
    let newer = Connection::open(&store).unwrap();
    newer.pragma_update(None, "user_version", before + 2).unwrap();
    newer.execute("UPDATE installation SET program = '9.9.9'", []).unwrap();
    drop(newer);
    let refused = format!("{:#}", installation.start().unwrap_err());
    assert!(refused.contains("written by mayfly 9.9.9") && refused.contains(later.to_str().unwrap()), "{refused}");
    // The way back, as the drill has it.
    let aside = installation.data().join("newer");
    std::fs::create_dir(&aside).unwrap();
    std::fs::rename(&store, aside.join("mayfly.db")).unwrap();
    std::fs::copy(&later, &store).unwrap();
    let _running = installation.start_observing().unwrap();
    installation.must(&["server", "activate", "--reason", "back to the version before"], "").unwrap();
    assert_eq!(ticket("alice", "orders").query("select 1").unwrap(), "1");
    world.as_before("the way back").await.unwrap();
    installation.verify_trail().unwrap();
}
