//! What happens when something cannot be written: a store that is full or locked, a directory of checkpoints that is gone.
//! Reads go on, nothing is lost, and everything recovers by itself.

use crate::outside::Outside;
use crate::{Settings, Store, create};
use async_trait::async_trait;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{BootTime, InstallationId, RunId, WallTime};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::{Entry, Ledger, LedgerError};
use mayfly_engine::ports::trail::{CheckpointSigner, Trail};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

struct Stopped;
#[async_trait]
impl Clock for Stopped {
    fn wall(&self) -> WallTime {
        WallTime::from_micros(1_764_000_000_000_000)
    }
    fn boot(&self) -> BootTime {
        BootTime::from_nanos(0)
    }
    async fn sleep_until(&self, _: BootTime) {}
}

/// Signs nothing that could be verified; these tests are not about signatures.
struct Scribble;
impl CheckpointSigner for Scribble {
    fn key_name(&self) -> &str {
        "mayfly/test"
    }
    fn public_key(&self) -> [u8; 32] {
        [1; 32]
    }
    fn sign(&self, _: &[u8]) -> [u8; 64] {
        [2; 64]
    }
}

fn rig() -> (TempDir, Settings, Store) {
    let directory = tempfile::tempdir().unwrap();
    let settings =
        Settings { directory: directory.path().join("data"), checkpoints: directory.path().join("checkpoints") };
    create(&settings, &InstallationId::parse("ins_0000000000000000").unwrap()).unwrap();
    let store = open(&settings);
    (directory, settings, store)
}

fn open(settings: &Settings) -> Store {
    Store::open(settings, Arc::new(Stopped), Arc::new(Scribble)).unwrap()
}

/// An entry of one event with about `thousands` kilobytes.
fn entry(thousands: usize) -> Entry {
    let run = RunId::parse("run_0000000000000000").unwrap();
    let mut event = Event::new(EventKind::RecordUpdated, WallTime::from_micros(0), run, "server");
    for number in 0..thousands {
        event.detail.insert(number.to_string(), "x".repeat(1000));
    }
    Entry { writes: Vec::new(), events: vec![event] }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
}

/// A file that may not grow is what a full disk looks like to SQLite (`SQLITE_FULL`).
#[tokio::test]
async fn a_full_store_refuses_goes_on_reading_and_takes_writes_when_there_is_space() {
    let (_directory, settings, store) = rig();
    store.commit(entry(1)).await.unwrap();
    let limit = async |pages: i64| {
        let set = move |connection: &rusqlite::Connection| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            Ok(connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(drop)?)
        };
        store.write(Vec::new(), set).await.unwrap();
    };
    limit(1).await;
    for _ in 0..3 {
        let answer = store.commit(entry(40)).await;
        assert!(matches!(&answer, Err(LedgerError::Unavailable(text)) if text.contains("full")), "{answer:?}");
    }
    assert_eq!(store.size().await, Ok(1));
    assert_eq!(store.entries(0, 9).await.unwrap().len(), 1);
    limit(1_000_000).await;
    store.commit(entry(40)).await.unwrap();
    assert_eq!(store.size().await, Ok(2));
    drop(store);
    assert_eq!(open(&settings).size().await, Ok(2), "the chain is whole: no number was used by what failed");
}

/// Another process holds the database's own lock, so nothing can be written until it lets go.
#[tokio::test]
async fn a_store_that_cannot_be_written_says_so_until_it_can_again() {
    let (_directory, settings, store) = rig();
    store.commit(entry(1)).await.unwrap();
    let other = rusqlite::Connection::open(settings.directory.join("mayfly.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.commit(entry(1)).await, Err(LedgerError::Unavailable(_))));
    assert!(!store.healthy() && store.health().writes.is_some());
    assert_eq!(store.size().await, Ok(1), "reads go on");
    other.execute_batch("ROLLBACK").unwrap();
    until("the store is found to take writes again", || store.healthy()).await;
    store.commit(entry(1)).await.unwrap();
    assert_eq!(store.size().await, Ok(2));
}

/// A checkpoint that cannot be written makes the store not ready and is tried again; events are written all the while.
#[tokio::test]
async fn checkpoints_that_fail_lose_no_events_and_are_made_up_for() {
    let (_directory, settings, store) = rig();
    let moved = settings.checkpoints.with_extension("away");
    std::fs::rename(&settings.checkpoints, &moved).unwrap();
    store.commit(entry(1)).await.unwrap();
    until("the failure is seen", || store.health().checkpoints.is_some()).await;
    assert!(!store.healthy());
    for _ in 0..18 {
        store.commit(entry(1)).await.unwrap();
    }
    assert_eq!(store.counts().checkpoints, 0);
    std::fs::rename(&moved, &settings.checkpoints).unwrap();
    until("checkpoints are written again", || store.healthy() && store.counts().checkpoints > 0).await;
    assert_eq!(store.size().await, Ok(19));
    let [path] = &Outside::new(&settings.checkpoints).files().unwrap().unwrap()[..] else {
        panic!("one day, one file")
    };
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("\n19\n"), "{text}");
}
