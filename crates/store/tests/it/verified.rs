//! What the store writes, verified by the verifier, which shares no code with it: while the server runs, afterwards, from an
//! export, and after the store was tampered with or rolled back.

use crate::rig::{Key, Rig, event, until};
use mayfly_audit_verify::{
    Failure, Finding, Note, PublicKey, ReadError, Report, StoreFile, export, notes_in_directory, verify,
};
use mayfly_engine::ports::ledger::{Entry, Ledger};
use mayfly_engine::ports::trail::{CheckpointSigner, Trail};
use mayfly_store::Store;
use std::path::PathBuf;

fn key() -> PublicKey {
    PublicKey::from_bytes(&Key::new(1).public_key()).unwrap()
}

fn database(rig: &Rig) -> PathBuf {
    rig.settings.directory.join("mayfly.db")
}

async fn write(store: &Store, count: u64) {
    for number in 0..count {
        let event = event(number).with("text", "\u{1}\"\\/é\u{1f98b}\u{7f}").with("long", "é".repeat(2000));
        store.commit(Entry { writes: Vec::new(), events: vec![event] }).await.unwrap();
    }
}

fn outside(rig: &Rig) -> Result<Vec<Note>, ReadError> {
    notes_in_directory(&rig.settings.checkpoints)
}

/// Verifies the store's file against its own checkpoints and those outside.
fn verified(rig: &Rig) -> Result<Report, Failure> {
    let file = StoreFile::open(&database(rig))?;
    let notes = [file.notes()?, outside(rig)?].concat();
    verify(file.entries(), &notes, &key())
}

#[tokio::test]
async fn the_verifier_passes_what_the_store_writes() {
    let rig = Rig::new();
    let store = rig.open();
    write(&store, 20).await;
    until("all is under a checkpoint", || verified(&rig).is_ok_and(|report| report.covered == 20)).await;
    write(&store, 5).await;
    let report = verified(&rig).unwrap();
    assert_eq!(report.entries, 25, "while the server runs");
    let entries = store.entries(0, 100).await.unwrap();
    store.close();
    let report = verified(&rig).unwrap();
    assert_eq!((report.entries, report.covered), (25, 25), "the orderly end signs a last one");
    let lines: Vec<u8> = entries.into_iter().flat_map(|entry| [entry.bytes, vec![b'\n']].concat()).collect();
    let report = verify(export(lines.as_slice()), &outside(&rig).unwrap(), &key()).unwrap();
    assert_eq!((report.entries, report.covered), (25, 25));
    let other = PublicKey::from_bytes(&Key::new(2).public_key()).unwrap();
    let forged = verify(export(lines.as_slice()), &outside(&rig).unwrap(), &other);
    assert!(matches!(forged, Err(Failure::Found(Finding::Forged { .. }))), "{forged:?}");
}

#[tokio::test]
async fn the_verifier_finds_what_was_done_to_a_store() {
    let damages: [(&str, Option<u64>); 5] = [
        (
            "UPDATE trail SET bytes = CAST(replace(CAST(bytes AS TEXT), 'server', 'nobody') AS BLOB) WHERE sequence = 4",
            Some(4),
        ),
        ("DELETE FROM trail WHERE sequence = 3", Some(3)),
        ("UPDATE trail SET sequence = 99 WHERE sequence = 2", Some(2)),
        ("DELETE FROM trail WHERE sequence >= 7", Some(7)),
        ("UPDATE checkpoint SET note = replace(note, 'at_us 1', 'at_us 2')", None),
    ];
    for (damage, first) in damages {
        let rig = Rig::new();
        let store = rig.open();
        write(&store, 10).await;
        store.close();
        drop(store);
        assert_eq!(verified(&rig).unwrap().entries, 10);
        let file = rusqlite::Connection::open(database(&rig)).unwrap();
        assert!(file.execute(damage, []).unwrap() > 0, "{damage}");
        drop(file);
        let Err(Failure::Found(finding)) = verified(&rig) else { panic!("not found: {damage}") };
        assert_eq!(finding.first_bad(), first, "{damage}: {finding}");
    }
}

#[tokio::test]
async fn a_store_put_back_to_an_older_copy_is_called_rolled_back() {
    let rig = Rig::new();
    let store = rig.open();
    write(&store, 3).await;
    store.close();
    drop(store);
    let older = std::fs::read(database(&rig)).unwrap();
    let store = rig.open();
    write(&store, 3).await;
    store.close();
    drop(store);
    std::fs::write(database(&rig), older).unwrap();
    let Err(Failure::Found(finding)) = verified(&rig) else { panic!("not found") };
    assert!(matches!(finding, Finding::RolledBack { entries: 3, size: 6, .. }), "{finding}");
}
