//! Copies of a store: which one acts, what is observed, and what an activation makes of it.

use crate::access::{put, signed_in, somebody};
use crate::opening::{copy, write_events};
use crate::rig::{Key, Rig, Ticking, event};
use mayfly_access::store::PersonTokens;
use mayfly_engine::ports::trail::Trail;
use mayfly_store::{Doubt, Settings, Store};
use std::sync::Arc;

/// The copy that is activated acts from its next opening on, and the history that it does not share is set aside.
#[tokio::test]
async fn a_store_that_was_rolled_back_acts_once_it_is_activated() {
    let rig = Rig::new();
    let store = rig.open();
    put(&store, vec![somebody("alice", Some("hash"), false)]).await;
    let (signed_in, _) = signed_in(&store, "alice", 1, 0).await;
    write_events(&store, 1).await;
    store.close();
    drop(store);
    let backup = tempfile::tempdir().unwrap();
    copy(&rig.settings.directory, backup.path());
    let store = rig.open();
    write_events(&store, 2).await;
    assert!(store.activate(vec![event(0)]).await.is_err(), "it acts already");
    store.close();
    drop(store);
    let lost = rig.checkpoints();
    // Put back over the old file, so that only the checkpoints tell.
    for entry in std::fs::read_dir(backup.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::write(rig.settings.directory.join(entry.file_name()), std::fs::read(entry.path()).unwrap()).unwrap();
    }
    let store = rig.open();
    assert!(matches!(store.doubts(), [Doubt::RolledBack { entries: 3, checkpoint: 5, .. }]), "{:?}", store.doubts());
    assert!(store.person_token(&signed_in.id).await.unwrap().is_some());
    assert_eq!(store.activate(vec![event(7)]).await, Ok(2));
    assert!(store.observing(), "not before it is opened again");
    store.close();
    drop(store);
    let aside = rig.settings.checkpoints.join("before-epoch-2");
    let kept: String = std::fs::read_dir(aside)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept, lost);
    let store = rig.open();
    assert_eq!((store.doubts(), store.epoch()), ([].as_slice(), 2));
    assert_eq!(store.size().await, Ok(4));
    assert_eq!(store.person_token(&signed_in.id).await, Ok(None), "a sign-in is void with a new epoch");
    write_events(&store, 1).await;
    store.close();
    assert!(rig.checkpoints().contains("\n5\n"), "{}", rig.checkpoints());
}

/// A copy beside the original: it observes while the original acts, cannot be activated meanwhile, and overtakes it afterwards.
#[tokio::test]
async fn of_two_copies_at_most_one_acts() {
    let rig = Rig::new();
    let store = rig.open();
    write_events(&store, 2).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let directory = elsewhere.path().join("data");
    copy(&rig.settings.directory, &directory);
    let settings = Settings { directory: directory.clone(), ..rig.settings.clone() };
    let open = || Store::open(&settings, Arc::new(Ticking::new()), Arc::new(Key::new(1))).unwrap();
    let clone = open();
    assert!(clone.doubts().iter().any(|doubt| matches!(doubt, Doubt::Copied { .. })), "{:?}", clone.doubts());
    write_events(&store, 1).await;
    let refused = clone.activate(vec![event(0)]).await.unwrap_err().to_string();
    assert!(refused.contains("another server acts") && refused.contains("stop it first"), "{refused}");
    store.close();
    drop(store);
    assert_eq!(clone.activate(vec![event(0)]).await, Ok(2));
    clone.close();
    drop(clone);
    let clone = open();
    assert!(!clone.observing());
    let original = rig.open();
    let overtaken = Doubt::Superseded { own: 1, outside: 2 };
    assert!(original.doubts().contains(&overtaken), "{:?}", original.doubts());
    drop(original);
    // Where only the lock tells, since nothing else differs.
    drop(clone);
    let held = std::fs::File::open(rig.settings.checkpoints.join("lock")).unwrap();
    held.lock().unwrap();
    assert!(matches!(open().doubts(), [Doubt::Served { .. }]));
    drop(held);
    assert!(!open().observing());
}

/// Connect secrets and tokens of the epoch before open nothing.
#[tokio::test]
async fn what_was_issued_before_an_activation_is_void() {
    let rig = Rig::new();
    let store = rig.open();
    write_events(&store, 1).await;
    store.close();
    drop(store);
    let file = rusqlite::Connection::open(rig.settings.directory.join("mayfly.db")).unwrap();
    file.execute_batch(
        "INSERT INTO connect_secret VALUES ('csec_1', 'alice', 'orders', 0, 1, 'v', 0, NULL, NULL);
         INSERT INTO api_token VALUES ('tok_1', 'ci', 'read', 0, 1, 'uid:0', x'00');
         UPDATE installation SET place = 'elsewhere'",
    )
    .unwrap();
    let count = || -> i64 {
        let sql = "SELECT (SELECT count(*) FROM connect_secret) + (SELECT count(*) FROM api_token)";
        file.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let store = rig.open();
    assert!(matches!(store.doubts(), [Doubt::Copied { .. }]));
    assert_eq!(count(), 2);
    store.activate(vec![event(0)]).await.unwrap();
    assert_eq!(count(), 0);
}
