//! What is refused when a store is opened, with what words, and who can read its files.

use crate::rig::{Key, Rig, Seeded, Ticking, event, installation, until};
use mayfly_domain::InstallationId;
use mayfly_engine::ports::ledger::{Entry, Ledger};
use mayfly_engine::ports::trail::Trail;
use mayfly_store::{Doubt, OpenError, Settings, Store};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

pub(crate) async fn write_events(store: &Store, count: u64) {
    let events = (0..count).map(event).collect();
    store.commit(Entry { writes: Vec::new(), events }).await.unwrap();
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_are_for_us_alone() {
    let rig = Rig::new();
    std::fs::set_permissions(&rig.settings.directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = rig.open();
    write_events(&store, 1).await;
    until("there is a checkpoint", || store.counts().checkpoints > 0).await;
    assert_eq!(mode(&rig.settings.directory), 0o700);
    for directory in [&rig.settings.directory, &rig.settings.checkpoints] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_second_server_is_kept_out_and_told_by_which_file() {
    let rig = Rig::new();
    let store = rig.open();
    let text = rig.try_open().err().unwrap().to_string();
    assert!(text.contains("another server") && text.contains("data/lock"), "{text}");
    assert_eq!(mayfly_store::installation(&rig.settings.directory).unwrap(), installation());
    drop(store);
    rig.open();
}

#[test]
fn a_store_is_made_once_and_only_on_purpose() {
    let rig = Rig::new();
    assert!(matches!(mayfly_store::create(&rig.settings, &installation()), Err(OpenError::Exists { .. })));
    let empty = tempfile::tempdir().unwrap();
    let settings = Settings { directory: empty.path().join("data"), checkpoints: empty.path().join("c") };
    let open = || Store::open(&settings, Arc::new(Ticking::new()), Arc::new(Key::new(1)));
    assert!(matches!(open(), Err(OpenError::Missing { .. })));
    assert!(!settings.directory.exists(), "opening makes nothing");
    std::fs::create_dir(&settings.directory).unwrap();
    let other = rusqlite::Connection::open(settings.directory.join("mayfly.db")).unwrap();
    other.execute_batch("CREATE TABLE t (a); PRAGMA application_id = 77;").unwrap();
    assert!(matches!(open(), Err(OpenError::Foreign { found: 77, .. })));
}

#[test]
fn a_newer_store_is_refused() {
    let rig = Rig::new();
    let file = rusqlite::Connection::open(rig.settings.directory.join("mayfly.db")).unwrap();
    file.pragma_update(None, "user_version", 9999).unwrap();
    drop(file);
    assert!(matches!(rig.try_open(), Err(OpenError::Newer { found: 9999, .. })));
}

/// A store that is put back to an older copy of itself knows less than the checkpoints outside.
#[tokio::test]
async fn a_store_that_was_rolled_back_is_only_observed() {
    let rig = Rig::new();
    let store = rig.open();
    write_events(&store, 3).await;
    store.close();
    let backup = tempfile::tempdir().unwrap();
    copy(&rig.settings.directory, backup.path());
    let store = rig.open();
    write_events(&store, 2).await;
    store.close();
    drop(store);
    std::fs::remove_dir_all(&rig.settings.directory).unwrap();
    copy(backup.path(), &rig.settings.directory);
    let before = rig.checkpoints();
    let store = rig.open();
    let doubts: Vec<_> = store.doubts().iter().map(ToString::to_string).collect();
    assert!(doubts[0].starts_with("the store was rolled back or cut: it holds 3 entries"), "{doubts:?}");
    assert!(doubts[0].contains("there were 5"), "{doubts:?}");
    assert!(matches!(store.doubts()[1], Doubt::Copied { .. }), "it is another file now");
    // Nothing is written, here or outside, and everything can be read.
    let refused = store.commit(Entry { writes: Vec::new(), events: vec![event(0)] }).await.unwrap_err();
    assert!(refused.to_string().contains("only observes"), "{refused}");
    assert_eq!(store.size().await, Ok(3));
    store.close();
    assert_eq!(rig.checkpoints(), before);
}

/// Two histories of one length are told apart by the root.
#[tokio::test]
async fn a_store_with_another_history_is_only_observed() {
    let rig = Rig::new();
    let backup = tempfile::tempdir().unwrap();
    copy(&rig.settings.directory, backup.path());
    let store = rig.open();
    write_events(&store, 3).await;
    store.close();
    drop(store);
    // Written over the files, so that they stay the same ones.
    copy(backup.path(), &rig.settings.directory);
    let away = tempfile::tempdir().unwrap();
    copy(&rig.settings.checkpoints, away.path());
    std::fs::remove_dir_all(&rig.settings.checkpoints).unwrap();
    let store = rig.open();
    store.commit(Entry { writes: Vec::new(), events: (7..10).map(event).collect() }).await.unwrap();
    store.close();
    drop(store);
    std::fs::remove_dir_all(&rig.settings.checkpoints).unwrap();
    copy(away.path(), &rig.settings.checkpoints);
    let store = rig.open();
    assert!(matches!(store.doubts(), [Doubt::Rewritten { checkpoint: 3, .. }]), "{:?}", store.doubts());
}

#[tokio::test]
async fn a_missing_directory_of_checkpoints_is_refused_and_an_empty_one_filled() {
    let rig = Rig::new();
    let store = rig.open();
    write_events(&store, 3).await;
    store.close();
    drop(store);
    std::fs::remove_dir_all(&rig.settings.checkpoints).unwrap();
    assert!(matches!(rig.try_open(), Err(OpenError::CheckpointsMissing { .. })));
    std::fs::create_dir_all(&rig.settings.checkpoints).unwrap();
    let store = rig.open();
    until("the empty directory is filled", || store.counts().checkpoints > 0).await;
    assert!(rig.checkpoints().contains("\n3\n"), "{}", rig.checkpoints());
}

#[tokio::test]
async fn checkpoints_of_another_installation_are_refused() {
    let rig = Rig::new();
    let store = rig.open();
    write_events(&store, 1).await;
    store.close();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = InstallationId::random(&mut Seeded(9));
    let settings = Settings { directory: elsewhere.path().join("data"), checkpoints: rig.settings.checkpoints.clone() };
    assert!(matches!(mayfly_store::create(&settings, &other), Err(OpenError::OtherInstallation { .. })));
    let own = Settings { checkpoints: elsewhere.path().join("checkpoints"), ..settings.clone() };
    mayfly_store::create(&own, &other).unwrap();
    let opened = Store::open(&settings, Arc::new(Ticking::new()), Arc::new(Key::new(1)));
    assert!(matches!(opened, Err(OpenError::OtherInstallation { .. })));
}

#[tokio::test]
async fn a_trail_with_a_gap_or_an_edited_end_is_refused() {
    for damage in [
        "DELETE FROM trail WHERE sequence = 1",
        "DELETE FROM trail WHERE sequence = 2",
        "UPDATE trail SET bytes = x'7b7d' WHERE sequence = 2",
        "UPDATE trail_tree SET size = 2",
    ] {
        let rig = Rig::new();
        let store = rig.open();
        write_events(&store, 3).await;
        store.close();
        drop(store);
        let file = rusqlite::Connection::open(rig.settings.directory.join("mayfly.db")).unwrap();
        assert_eq!(file.execute(damage, []).unwrap(), 1);
        drop(file);
        assert!(matches!(rig.try_open(), Err(OpenError::Broken(_))), "{damage}");
    }
}

/// A note torn by a crash was never counted; it is cut off, and the next one stands where it stood.
#[tokio::test]
async fn a_torn_checkpoint_is_cut_off() {
    let rig = Rig::new();
    let store = rig.open();
    write_events(&store, 3).await;
    store.close();
    drop(store);
    let whole = rig.checkpoints();
    let path = rig.checkpoint_files().remove(0);
    // In the middle of the three bytes of the em dash.
    let mut torn = whole.clone().into_bytes();
    torn.extend_from_slice(b"mayfly/ins_0123456789abcdef\n9\nAAAA\nat_us 1\n\n\xe2\x80");
    std::fs::write(&path, torn).unwrap();
    let store = rig.open();
    assert_eq!(rig.checkpoints(), whole);
    write_events(&store, 1).await;
    store.close();
    assert!(rig.checkpoints().starts_with(&whole));
    assert_eq!(store.counts().checkpoints, 1);
    drop(store);
    rig.open();
}

#[test]
fn a_key_that_cannot_stand_in_a_note_is_refused() {
    struct Unnamed(Key);
    impl mayfly_engine::ports::trail::CheckpointSigner for Unnamed {
        fn key_name(&self) -> &str {
            "two words"
        }
        fn public_key(&self) -> [u8; 32] {
            self.0.public_key()
        }
        fn sign(&self, text: &[u8]) -> [u8; 64] {
            self.0.sign(text)
        }
    }
    let rig = Rig::new();
    let opened = Store::open(&rig.settings, Arc::new(Ticking::new()), Arc::new(Unnamed(Key::new(1))));
    assert!(matches!(opened, Err(OpenError::KeyName(_))));
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let rig = Rig::new();
    for round in 0..3 {
        let store = rig.open();
        assert_eq!(store.size().await, Ok(round * 5));
        write_events(&store, 5).await;
        let entries = store.entries(round * 5, 100).await.unwrap();
        assert_eq!(
            entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(),
            (round * 5..round * 5 + 5).collect::<Vec<_>>()
        );
    }
}
