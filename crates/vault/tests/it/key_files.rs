//! Where a key may come from, and from where it is refused.

use crate::Seeded;
use mayfly_vault::{InstallationKey, KeySource, KeyText, SourceError, write_new};
use std::fs::{Permissions, read_to_string, set_permissions, write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tempfile::TempDir;

fn key() -> InstallationKey {
    InstallationKey::generate(&mut Seeded(1))
}

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn a_new_file_is_ours_alone_and_reads_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    write_new(&key(), &path).unwrap();
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    assert!(read_to_string(&path).unwrap().ends_with('\n'));
    assert_eq!(
        KeySource::File(path.clone()).load::<InstallationKey>(&nothing).unwrap().fingerprint(),
        key().fingerprint()
    );
    let before = read_to_string(&path).unwrap();
    assert!(matches!(write_new(&InstallationKey::generate(&mut Seeded(2)), &path), Err(SourceError::File { .. })));
    assert_eq!(read_to_string(&path).unwrap(), before, "an existing key is never overwritten");
}

#[test]
fn a_file_open_to_others_is_refused_with_the_remedy() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    write_new(&key(), &path).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666] {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = KeySource::File(path.clone()).load::<InstallationKey>(&nothing).unwrap_err();
        assert!(matches!(error, SourceError::Mode { .. }), "{mode:o}: {error}");
        assert!(error.to_string().contains("run `chmod 600"), "{error}");
    }
    set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(KeySource::File(path).load::<InstallationKey>(&nothing).is_ok());
}

/// Only root can give a file away; everybody else finds one that belongs to another.
#[test]
fn a_file_of_somebody_else_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    write_new(&key(), &path).unwrap();
    let foreign = if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() { path } else { "/etc/passwd".into() };
    let error = KeySource::File(foreign).load::<InstallationKey>(&nothing).unwrap_err();
    assert!(matches!(error, SourceError::Owner { .. }), "{error}");
    assert!(error.to_string().contains("run `chown"), "{error}");
}

#[test]
fn what_is_no_regular_file_or_no_key_is_refused() {
    let folder = TempDir::new().unwrap();
    let error = KeySource::File(folder.path().to_owned()).load::<InstallationKey>(&nothing).unwrap_err();
    assert!(matches!(error, SourceError::NotAFile { .. }), "{error}");
    let error = KeySource::File(folder.path().join("absent")).load::<InstallationKey>(&nothing).unwrap_err();
    assert!(matches!(error, SourceError::File { .. }), "{error}");
    assert!(matches!(
        KeySource::File("/dev/zero".into()).load::<InstallationKey>(&nothing),
        Err(SourceError::NotAFile { .. })
    ));
    let path = folder.path().join("key");
    write(&path, "hunter2").unwrap();
    set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let error = KeySource::File(path.clone()).load::<InstallationKey>(&nothing).unwrap_err();
    assert!(matches!(error, SourceError::Text { .. }) && !error.to_string().contains("hunter2"), "{error}");
    write(&path, "x".repeat(1 << 20)).unwrap();
    assert!(matches!(KeySource::File(path).load::<InstallationKey>(&nothing), Err(SourceError::Text { .. })));
}

#[test]
fn a_credential_of_systemd_is_found_by_its_folder() {
    let folder = TempDir::new().unwrap();
    let text = key().to_text();
    write(folder.path().join("mayfly-key"), text.expose()).unwrap();
    // The mask of an access list shows as group bits; the folder is what guards a credential.
    set_permissions(folder.path().join("mayfly-key"), Permissions::from_mode(0o440)).unwrap();
    let place = folder.path().to_str().unwrap().to_owned();
    let environment = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| place.clone());
    let source = |name: &str| KeySource::SystemdCredential(name.to_owned());
    assert_eq!(source("mayfly-key").load::<InstallationKey>(&environment).unwrap().fingerprint(), key().fingerprint());
    assert!(matches!(source("mayfly-key").load::<InstallationKey>(&nothing), Err(SourceError::NotSet { .. })));
    for name in ["", "..", "../mayfly-key", "a/b", ".hidden"] {
        assert!(
            matches!(source(name).load::<InstallationKey>(&environment), Err(SourceError::CredentialName { .. })),
            "{name}"
        );
    }
}

#[test]
fn the_environment_gives_a_key_or_a_clear_refusal() {
    let text = key().to_text().expose().to_owned();
    let environment = |name: &str| match name {
        "MAYFLY_KEY" => Some(text.clone()),
        "WRONG" => Some("hunter2".to_owned()),
        _ => None,
    };
    let load = |name: &str| KeySource::Environment(name.to_owned()).load::<InstallationKey>(&environment);
    assert_eq!(load("MAYFLY_KEY").unwrap().fingerprint(), key().fingerprint());
    assert_eq!(load("ABSENT").unwrap_err().to_string(), "the environment variable ABSENT is not set");
    let wrong = load("WRONG").unwrap_err().to_string();
    assert!(wrong.starts_with("environment variable WRONG: ") && !wrong.contains("hunter2"), "{wrong}");
}
