//! The installation's key: given back by the recovery key, exchanged for another, and never made over a store that needs it.

use mayfly_e2e::terminal::Terminal;
use mayfly_e2e::{Installation, installation};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A verb of `server` that acts on the files of this installation.
fn server(installation: &Installation, verb: &str, arguments: &[&str]) -> Output {
    let mut command = installation.command().unwrap();
    command.args(["server", verb, "--config"]).arg(installation.config()).args(arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

fn master(installation: &Installation) -> PathBuf {
    installation.directory().join("etc/master.key")
}

/// The name of the key that the store needs, as a start would say it.
fn fingerprint(installation: &Installation) -> String {
    let checked = server(installation, "check", &["-o", "json"]);
    assert!(checked.status.success(), "{}", words(&checked));
    let checked: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    checked["key_fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn a_recovery_key_is_shown_once_and_typed_back() {
    let folder = Installation::init().unwrap();
    let directory = folder.directory().join("another");
    let listen = "--https=127.0.0.1:0 --postgres=127.0.0.1:0 --mysql=127.0.0.1:0 --mariadb=127.0.0.1:0 --mssql=127.0.0.1:0 --ssh=127.0.0.1:0";
    let binary = installation::binary().unwrap();
    let line = format!("{} server init {listen} --directory {}", binary.display(), directory.display());
    let mut terminal = Terminal::run(&line, |_| {}).unwrap();
    let shown = terminal.shows("type it back, to show that you have it: ", LIMIT).unwrap();
    assert!(!directory.exists(), "nothing is made before somebody has it");
    let key = shown.lines().map(str::trim).find(|line| line.matches('-').count() == 8).unwrap().to_owned();
    terminal.types(&format!("{}\n", key.replace(&key[..4], "zzzz"))).unwrap();
    terminal.shows("the last group does not go with the others", LIMIT).unwrap();
    terminal.shows("try again", LIMIT).unwrap();
    terminal.types(&format!("{}\n", key.to_uppercase().replace('-', " "))).unwrap();
    terminal.shows("recovery key", LIMIT).unwrap();
    terminal.ends(LIMIT).unwrap();
    let kept = Command::new("grep").args(["-rlF", &key]).arg(&directory).output().unwrap();
    assert_eq!(words(&kept), "", "it is kept nowhere");

    // Without a terminal it has to go into a file, which nobody else may read.
    let script = |arguments: &[&str]| {
        let mut command = Command::new(installation::binary().unwrap());
        command.args(["server", "init", "--directory"]).arg(folder.directory().join("third")).args(arguments);
        command.args(listen.split(' '));
        command.stdin(Stdio::null()).output().unwrap()
    };
    let refused = script(&[]);
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("--recovery-key-file"), "{}", words(&refused));
    let over = script(&["--recovery-key-file", folder.recovery_key().to_str().unwrap()]);
    assert_eq!(over.status.code(), Some(2), "{}", words(&over));
    assert!(!folder.directory().join("third").exists());
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(folder.recovery_key()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn lost_keys_come_back_with_the_recovery_key_alone() {
    let (installation, other) = (Installation::init().unwrap(), Installation::init().unwrap());
    let expected = fingerprint(&installation);
    let recover = |file: &Path| server(&installation, "recover-key", &["--recovery-key-file", file.to_str().unwrap()]);
    let nothing = recover(&installation.recovery_key());
    assert_eq!(nothing.status.code(), Some(10), "{}", words(&nothing));

    let audit = installation.directory().join("etc/audit.key");
    let before = [&master(&installation), &audit].map(|key| std::fs::read(key).unwrap());
    for key in [&master(&installation), &audit] {
        std::fs::remove_file(key).unwrap();
    }
    let start = server(&installation, "run", &[]);
    assert!(!start.status.success());
    for said in [expected.as_str(), "mayfly server recover-key", "No such file"] {
        assert!(words(&start).contains(said), "{}", words(&start));
    }
    // No new key is ever made over a store.
    let again = Command::new(installation::binary().unwrap())
        .args(["server", "init", "--recovery-key-file", "/nonexistent/x", "--directory"])
        .arg(installation.directory())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(10), "{}", words(&again));

    let wrong = recover(&other.recovery_key());
    assert_eq!(wrong.status.code(), Some(2), "{}", words(&wrong));
    assert!(words(&wrong).contains("not the one of this installation"), "{}", words(&wrong));
    let mistyped = installation.directory().join("mistyped");
    let key = std::fs::read_to_string(installation.recovery_key()).unwrap();
    std::fs::write(&mistyped, key.replacen(&key[..1], if key.starts_with('7') { "8" } else { "7" }, 1)).unwrap();
    let wrong = recover(&mistyped);
    assert!(words(&wrong).contains("the last group does not go with the others"), "{}", words(&wrong));
    assert!(!master(&installation).exists() && !audit.exists());

    let line = format!(
        "{} server recover-key --config {}",
        installation::binary().unwrap().display(),
        installation.config().display()
    );
    let mut terminal = Terminal::run(&line, |_| {}).unwrap();
    terminal.shows("recovery key: ", LIMIT).unwrap();
    terminal.types(&format!("{}\n", key.trim())).unwrap();
    terminal.shows(&expected, LIMIT).unwrap();
    terminal.ends(LIMIT).unwrap();
    assert_eq!([&master(&installation), &audit].map(|key| std::fs::read(key).unwrap()), before);
    installation.start().unwrap().stop().unwrap();

    // The key of another installation is told by its name.
    std::fs::copy(master(&other), master(&installation)).unwrap();
    let start = server(&installation, "run", &[]);
    assert!(words(&start).contains(&format!("expected {expected}")), "{}", words(&start));
}

/// As many records as that, each with its own administrative credential.
fn many(records: usize) -> String {
    (0..records).fold(String::new(), |mut text, number| {
        let _ = write!(
            text,
            "---\nkind: User\nname: u{number:03}\nspec: {{login: admin, resource: d{number:03}}}\n---\nkind: Database\n\
             name: d{number:03}\nspec:\n  database_type: postgresql\n  host: 127.0.0.1\n  tls: {{mode: plaintext}}\n  \
             default_database: orders\n  rotation: {{administrative: u{number:03}, port: 1}}\n  \
             jit: {{create_ephemeral: true}}\n"
        );
        text
    })
}

/// Sets the secret of every one of them, with one client that is not ours.
fn set_secrets(installation: &Installation, records: usize) {
    let requests: Vec<String> = (0..records)
        .map(|number| {
            format!(
                "url = \"http://x/v1/secrets/u{number:03}\"\nrequest = PUT\nheader = \"Content-Type: application/json\"\n\
                 data = \"{{\\\"secret\\\": \\\"secret of {number}\\\"}}\"\nunix-socket = \"{}\"\nfail\n",
                installation.socket().display()
            )
        })
        .collect();
    let file = installation.directory().join("requests");
    std::fs::write(&file, requests.join("next\n")).unwrap();
    let done = Command::new("curl").arg("-sS").arg("-K").arg(&file).output().unwrap();
    assert!(done.status.success(), "{}", words(&done));
}

fn sql(installation: &Installation, statement: &str) -> String {
    let store = installation.directory().join("data/mayfly.db");
    words(&Command::new("sqlite3").arg(store).arg(statement).output().unwrap()).trim().to_owned()
}

/// Exchanges the key, killed at the given number of calls of one kind; `false` when it was over before.
fn killed(installation: &Installation, call: &str, number: usize, recovery: &Path) -> bool {
    let _ = std::fs::remove_file(recovery);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
    command.arg("-e").arg(format!("inject={call}:signal=SIGKILL:when={number}"));
    command.arg(installation::binary().unwrap()).args(["server", "rotate-key", "--config"]).arg(installation.config());
    let output = command.arg("--recovery-key-file").arg(recovery).stdin(Stdio::null()).output().unwrap();
    let by_signal = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9);
    assert!(by_signal || output.status.success(), "{call} {number}: {}", words(&output));
    by_signal
}

#[test]
fn a_key_is_exchanged_also_when_it_is_killed_at_any_point() {
    const RECORDS: usize = 70;
    let installation = Installation::init().unwrap();
    let running = installation.start().unwrap();
    installation.must(&["apply", "-f", "-"], &many(RECORDS)).unwrap();
    set_secrets(&installation, RECORDS);
    let busy = server(&installation, "rotate-key", &["--recovery-key-file", "/nonexistent/x"]);
    assert!(!busy.status.success() && words(&busy).contains("lock"), "{}", words(&busy));
    running.stop().unwrap();
    let (first, second) = (installation.directory().join("recovery-1"), installation.directory().join("recovery-2"));
    let mut kills = 0;
    for (call, step) in [("rename", 1), ("fdatasync", 1), ("fsync", 2)] {
        let mut number = 1;
        let mut old = fingerprint(&installation);
        while killed(&installation, call, number, &first) {
            kills += 1;
            // Both keys are known: whatever is sealed by either opens.
            fingerprint(&installation);
            let _ = std::fs::remove_file(&second);
            let done = server(&installation, "rotate-key", &["--recovery-key-file", second.to_str().unwrap()]);
            assert!(done.status.success(), "after {call} {number}: {}", words(&done));
            old = exchanged(&installation, &old, &format!("{call} {number}"));
            number += step;
        }
        exchanged(&installation, &old, "one that was not killed");
    }
    assert!(kills >= 15, "{kills}");
    let (old, old_key) = (fingerprint(&installation), std::fs::read(master(&installation)).unwrap());

    // Killed in the middle of the secrets; a server knows both keys and seals by the one in force.
    assert!(killed(&installation, "rename", 2, &first));
    assert_eq!(sql(&installation, "SELECT cursor FROM key_rotation"), "u069");
    let running = installation.start().unwrap();
    let notes = installation.must(&["apply", "-f", "-"], &many(RECORDS)).unwrap();
    assert!(!notes.contains("secret"), "{notes}");
    installation.must(&["secret", "set", "u001", "--secret-file", "-"], "set meanwhile").unwrap();
    running.stop().unwrap();
    let done = server(&installation, "rotate-key", &[]);
    assert!(done.status.success(), "{}", words(&done));
    let new = exchanged(&installation, &old, "a server in between");

    // Everything opens, by the new key alone; so do lost keys, by the new recovery key alone.
    let running = installation.start().unwrap();
    let notes = installation.must(&["apply", "-f", "-"], &many(RECORDS)).unwrap();
    assert!(!notes.contains("secret"), "{notes}");
    let begun = installation.events("key.rotation_started").unwrap();
    let done = installation.events("key.rotated").unwrap();
    assert_eq!((begun.len(), &begun.last().unwrap()["detail"]), (done.len(), &done.last().unwrap()["detail"]));
    assert_eq!(done.last().unwrap()["detail"], serde_json::json!({"from": old, "to": new}));
    running.stop().unwrap();
    let new_key = std::fs::read(master(&installation)).unwrap();
    std::fs::write(master(&installation), &old_key).unwrap();
    let start = server(&installation, "run", &[]);
    assert!(words(&start).contains(&format!("expected {new}, found {old}")), "{}", words(&start));
    std::fs::remove_file(master(&installation)).unwrap();
    let stale =
        server(&installation, "recover-key", &["--recovery-key-file", installation.recovery_key().to_str().unwrap()]);
    assert!(words(&stale).contains("not the one of this installation"), "{}", words(&stale));
    let back = server(&installation, "recover-key", &["--recovery-key-file", first.to_str().unwrap()]);
    assert!(back.status.success(), "{}", words(&back));
    assert_eq!(std::fs::read(master(&installation)).unwrap(), new_key);
    installation.start().unwrap().stop().unwrap();
    installation.verify_trail().unwrap();
}

/// Expects everything to be sealed by another key than `old`, and nothing of the exchange to be left. Answers the key's name.
fn exchanged(installation: &Installation, old: &str, after: &str) -> String {
    let new = fingerprint(installation);
    assert_ne!(new, old, "{after}");
    let sealed = sql(installation, "SELECT DISTINCT lower(hex(substr(sealed, 2, 8))) FROM sealed_secret");
    assert_eq!(
        (sealed.as_str(), sql(installation, "SELECT count(*) FROM key_rotation").as_str()),
        (new.as_str(), "0"),
        "{after}"
    );
    for (folder, names) in [("etc", vec!["audit.key", "master.key", "mayfly.toml"]), ("data", vec![])] {
        let mut found: Vec<String> = std::fs::read_dir(installation.directory().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert!(!found.iter().any(|name| name.contains(".n")), "{after}: {found:?}");
        assert!(names.is_empty() || found == names, "{after}: {found:?}");
    }
    new
}
