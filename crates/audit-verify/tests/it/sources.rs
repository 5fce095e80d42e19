//! Reading: an export, a store's file, files of checkpoints, torn and oversized ones.

use crate::maker::{chain, checkpoint, leaf, public, signing_key};
use mayfly_audit_verify::{Failure, Finding, StoreFile, Whence, export, notes_in_directory, notes_in_file, verify};
use std::path::Path;

fn store(path: &Path, entries: &[Vec<u8>], notes: &[String]) -> rusqlite::Connection {
    let file = rusqlite::Connection::open(path).unwrap();
    file.execute_batch(
        "CREATE TABLE trail (sequence INTEGER PRIMARY KEY, leaf BLOB, bytes BLOB);
         CREATE TABLE checkpoint (id INTEGER PRIMARY KEY, size INTEGER, note TEXT);",
    )
    .unwrap();
    for (number, bytes) in (0_i64..).zip(entries) {
        let values = rusqlite::params![number, leaf(bytes), bytes];
        file.execute("INSERT INTO trail VALUES (?1, ?2, ?3)", values).unwrap();
    }
    for note in notes {
        file.execute("INSERT INTO checkpoint (size, note) VALUES (0, ?1)", [note]).unwrap();
    }
    file
}

#[test]
fn an_export_and_a_directory_of_checkpoints_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let (entries, key) = (chain(20), signing_key(1));
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let day = |sizes: &[usize]| {
        sizes.iter().map(|size| format!("{}\n", checkpoint(&entries, *size, &key))).collect::<String>()
    };
    write("checkpoints-2026-11-23.txt", &day(&[5, 10]));
    let torn = "mayfly/ins_0123456789abcdef\n20\n";
    write("checkpoints-2026-11-24.txt", &format!("{}{torn}", day(&[15])));
    write("something-else.txt", "x");
    let notes = notes_in_directory(directory.path()).unwrap();
    assert_eq!(
        notes.iter().map(|note| note.name.as_str()).collect::<Vec<_>>(),
        [
            "checkpoints-2026-11-23.txt, note 1",
            "checkpoints-2026-11-23.txt, note 2",
            "checkpoints-2026-11-24.txt, note 1",
        ]
    );
    assert_eq!(notes_in_file(&directory.path().join("checkpoints-2026-11-24.txt")).unwrap(), notes[2..]);
    let text = entries.iter().flat_map(|bytes| [bytes.as_slice(), b"\n"].concat()).collect::<Vec<u8>>();
    let report = verify(export(text.as_slice()), &notes, &public(&key)).unwrap();
    assert_eq!((report.entries, report.covered, report.checkpoints), (20, 15, 3));
    // A missing line feed at the very end is no fault; a missing line is.
    assert!(verify(export(&text[..text.len() - 1]), &notes, &public(&key)).is_ok());
    let cut = verify(export(&text[..text.len() / 2]), &notes, &public(&key));
    assert!(matches!(cut, Err(Failure::Found(Finding::Edited { sequence: 9 | 10, .. }))), "{cut:?}");
}

#[test]
fn a_stores_file_is_read_in_one_snapshot_and_never_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mayfly.db");
    let (entries, key) = (chain(1300), signing_key(1));
    let writer = store(&path, &entries, &[checkpoint(&entries, 700, &key), checkpoint(&entries, 1300, &key)]);
    let bytes = std::fs::read(&path).unwrap();
    let file = StoreFile::open(&path).unwrap();
    let notes = file.notes().unwrap();
    assert!(notes.iter().all(|note| note.whence == Whence::Store));
    let report = verify(file.entries(), &notes, &public(&key)).unwrap();
    assert_eq!((report.entries, report.covered), (1300, 1300));
    drop(file);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    // Each is nearer to the beginning than the one before, so each is the first that is found.
    for (damage, first) in [
        ("UPDATE trail SET bytes = 'text' WHERE sequence = 1200", 1200),
        (
            "UPDATE trail SET bytes = CAST(replace(CAST(bytes AS TEXT), 'alice', 'carol') AS BLOB) WHERE sequence = 1000",
            1000,
        ),
        ("DELETE FROM trail WHERE sequence = 600", 600),
        ("UPDATE trail SET sequence = -5 WHERE sequence = 900", 0),
    ] {
        assert_eq!(writer.execute(damage, []).unwrap(), 1);
        let file = StoreFile::open(&path).unwrap();
        let Err(Failure::Found(finding)) = verify(file.entries(), &notes, &public(&key)) else { panic!("{damage}") };
        assert_eq!(finding.first_bad(), Some(first), "{damage}: {finding}");
    }
}

#[test]
fn what_is_no_store_is_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    assert!(StoreFile::open(&directory.path().join("missing.db")).is_err());
    std::fs::write(directory.path().join("text.db"), "x".repeat(5000)).unwrap();
    assert!(StoreFile::open(&directory.path().join("text.db")).is_err());
    assert!(notes_in_file(&directory.path().join("missing.txt")).is_err());
}
