//! Drills with copies of an installation's own store: one that is put back as it was, and one that is started beside the original.
//! See `docs/drills/`.

use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, World, copy, wait};
use mayfly_testbed::Flavour;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// What an observing server does not do, each with what is asked of it.
fn changes_nothing(installation: &Installation, session: &str) {
    for arguments in [
        ["sessions", "end", session].as_slice(),
        &["cleanup", "retry", "chg_0000000000000000"],
        &["record", "check", "orders"],
        &["record", "pin", "orders"],
        &["lockdown", "--all", "--reason", "a drill"],
        &["user", "disable", "alice"],
        &["token", "create", "ci", "--scope", "read"],
    ] {
        let output = installation.run(arguments).unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(10), "{arguments:?}: {text}");
        assert!(text.contains("only observes"), "{arguments:?}: {text}");
    }
    let broker = std::net::TcpStream::connect(("127.0.0.1", installation.postgres_port));
    assert!(broker.is_err(), "nobody is let in");
    let ready = get(installation.metrics_port, "/readyz");
    assert!(ready.contains("503") && ready.contains("only observes"), "{ready}");
}

/// What an HTTP server answers, head and all.
fn get(port: u16, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn activate(installation: &Installation) -> serde_json::Value {
    installation.json(&["server", "activate", "--reason", "the disk was lost"]).unwrap()
}

/// The store is put back as it was before two sessions: one that still runs then, and one that is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_put_back_observes_until_it_is_activated() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let installation = &world.installation;
    let running = world.serve(&["alice", "bob"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    let known = ticket.open().unwrap();
    wait::until("a session that the copy knows runs", LIMIT, || Ok(world.accounts()? == 1)).unwrap();
    // Killed, so that the copy is of a store with a session that lives.
    running.kill_9().unwrap();
    drop(known);
    let backup = installation.directory().join("backup");
    copy(&installation.data(), &backup).unwrap();
    let running = installation.start().unwrap();
    world.all_out().unwrap();
    let his = world.ticket("bob", "orders").unwrap();
    assert_eq!(his.query("select 1").unwrap(), "1");
    world.all_out().unwrap();
    let mut hers = ticket.open().unwrap();
    let account = hers.query("select current_user").unwrap();
    let session = installation.sessions().unwrap()[0]["id"].as_str().unwrap().to_owned();
    running.kill_9().unwrap();
    std::fs::remove_dir_all(installation.data()).unwrap();
    copy(&backup, &installation.data()).unwrap();

    let running = installation.start_observing().unwrap();
    let status = installation.run(&["status"]).unwrap();
    assert_eq!(status.status.code(), Some(12));
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("rolled back") && status.contains("is a copy, or was moved"), "{status}");
    changes_nothing(installation, &session);
    // It reports, also what it would take out.
    assert_eq!(installation.sessions().unwrap().len(), 1);
    assert!(!installation.events("session.started").unwrap().is_empty());
    installation.must(&["cleanup", "ls"], "").unwrap();
    assert_eq!(world.accounts().unwrap(), 1, "the account of a session that it does not know is there");
    // Starting it again changes nothing about that.
    running.stop().unwrap();
    let _running = installation.start_observing().unwrap();

    let answer = activate(installation);
    assert_eq!(answer["epoch"], 2, "{answer}");
    let status = installation.json(&["status"]).unwrap();
    assert_eq!((&status["mode"], &status["epoch"], &status["ready"]), (&"acting".into(), &2.into(), &true.into()));
    let event = &installation.events("server.activated").unwrap()[0];
    assert_eq!((&event["actor"], &event["reason"]), (&"uid:0".into(), &"the disk was lost".into()), "{event}");
    installation.verify_trail().unwrap();
    // What was issued before is void, also what the copy knows of.
    let refused = ticket.psql("select 1").unwrap();
    assert!(!refused.status.success());
    // The session that the copy knows is over; the account that it does not know is left alone.
    wait::until("the sessions of before are out", LIMIT, || Ok(installation.sessions()?.is_empty())).unwrap();
    assert!(installation.owed().unwrap().is_empty());
    assert_eq!(world.ask(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{account}'")).unwrap(), "1");
    // People work again, beside it.
    let ticket = world.ticket("alice", "orders").unwrap();
    assert_ne!(ticket.query("select current_user").unwrap(), account);
    drop(hers);
    wait::until("all but the orphan is out", LIMIT, || Ok(world.accounts()? == 1)).unwrap();
    let again = installation.run(&["server", "activate", "--reason", "once more"]).unwrap();
    assert_eq!(again.status.code(), Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_beside_the_original_observes_and_the_original_goes_on() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    let mut psql = ticket.open().unwrap();
    psql.query("select 1").unwrap();
    let session = world.installation.sessions().unwrap()[0]["id"].as_str().unwrap().to_owned();
    // One with checkpoints of its own, and one that shares those of the original.
    for shared in [false, true] {
        let clone = world.installation.cloned(shared).unwrap();
        let server = clone.start_observing().unwrap();
        changes_nothing(&clone, &session);
        assert_eq!(clone.sessions().unwrap().len(), 1, "it reports what it knows");
        if shared {
            let refused = clone.run(&["server", "activate", "--reason", "a mistake"]).unwrap();
            let text = String::from_utf8(refused.stderr).unwrap();
            assert!(refused.status.code() == Some(10) && text.contains("another server acts"), "{text}");
        }
        assert_eq!(psql.query("select 1").unwrap(), "1", "the original's session goes on");
        server.stop().unwrap();
        assert_eq!(psql.query("select 1").unwrap(), "1");
    }
    // The original is given up, and a copy lives on.
    drop(psql);
    world.all_out().unwrap();
    running.stop().unwrap();
    let clone = world.installation.cloned(true).unwrap();
    let _acting = clone.start_observing().unwrap();
    assert_eq!(activate(&clone)["epoch"], 2);
    let mut ticket = mayfly_e2e::client::Ticket::get(&clone, "alice", "orders").unwrap();
    ticket.ca = clone.ca();
    let mut psql = ticket.open().unwrap();
    psql.query("select 1").unwrap();
    let _observing = world.installation.start_observing().unwrap();
    let status = String::from_utf8(world.installation.run(&["status"]).unwrap().stdout).unwrap();
    assert!(status.contains("another copy of this store was activated"), "{status}");
    changes_nothing(&world.installation, &session);
    assert_eq!(psql.query("select 1").unwrap(), "1", "the copy's session goes on");
    drop(psql);
    wait::until("it is out", LIMIT, || Ok(clone.sessions()?.is_empty() && world.accounts()? == 0)).unwrap();
    clone.verify_trail().unwrap();
    let difference = world.difference().await.unwrap();
    assert!(difference.is_empty(), "{difference}");
}

/// A backup is made while people work, restored on another machine, and what it knows as open is taken out there.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_under_load_lives_on_elsewhere() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let installation = &world.installation;
    let running = world.serve(&["alice", "bob"], &[(Record::new("orders"), None)]).unwrap();
    let (alice, bob) = (world.ticket("alice", "orders").unwrap(), world.ticket("bob", "orders").unwrap());
    let mut hers = alice.open().unwrap();
    let account = hers.query("select current_user").unwrap();
    let file = |name: &str| installation.directory().join(name);
    let backup = |name: &str| installation.json(&["server", "backup", file(name).to_str().unwrap()]).unwrap();
    // Bob comes and goes all the while.
    let busy = std::sync::atomic::AtomicBool::new(true);
    let about = std::thread::scope(|scope| {
        scope.spawn(|| {
            while busy.load(std::sync::atomic::Ordering::Relaxed) {
                bob.query("select 1").unwrap();
            }
        });
        let abouts = [0, 1, 2].map(|number| backup(&format!("{number}.backup")));
        busy.store(false, std::sync::atomic::Ordering::Relaxed);
        abouts[2].clone()
    });
    assert_eq!(hers.query("select current_user").unwrap(), account, "a backup disturbs nobody");
    assert!(about["sessions"].as_u64().unwrap() >= 1 && about["entries"].as_u64().unwrap() > 10, "{about}");
    assert_eq!(installation.events("backup.made").unwrap().len(), 3);
    let again = installation.run(&["server", "backup", file("2.backup").to_str().unwrap()]).unwrap();
    assert_eq!(again.status.code(), Some(10), "never over a file");

    // Nothing of it can be read, and the key is not in it.
    let sealed = std::fs::read(file("2.backup")).unwrap();
    let key = std::fs::read_to_string(installation.directory().join("etc/master.key")).unwrap();
    for clear in ["SQLite format", "alice", "orders", "mayfly.db", account.as_str(), key.trim()] {
        assert!(!sealed.windows(clear.len()).any(|window| window == clear.as_bytes()), "{clear} can be read");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file("2.backup")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // Another machine has the settings and the keys, and nothing else.
    let other = installation.cloned(false).unwrap();
    let restore = |file: &std::path::Path| {
        let config = other.config();
        other.run(&["server", "restore", file.to_str().unwrap(), "--config", config.to_str().unwrap()]).unwrap()
    };
    assert_eq!(restore(&file("2.backup")).status.code(), Some(10), "never over a store");
    std::fs::remove_dir_all(other.data()).unwrap();
    std::fs::remove_dir_all(other.directory().join("log")).unwrap();
    let torn = other.directory().join("torn.backup");
    std::fs::write(&torn, &sealed[..sealed.len() - 7]).unwrap();
    let refused = restore(&torn);
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && text.contains("the backup cannot be used"), "{text}");
    assert_eq!(std::fs::read_dir(other.data()).unwrap().count(), 0, "nothing of it is left");
    let restored = restore(&file("2.backup"));
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));

    let observing = other.start_observing().unwrap();
    let status = String::from_utf8(other.run(&["status"]).unwrap().stdout).unwrap();
    assert!(status.contains("restored from a backup of"), "{status}");
    assert!(other.sessions().unwrap().iter().any(|session| session["account"] == account.as_str()));
    assert_eq!(hers.query("select current_user").unwrap(), account);
    // The original is lost, with a session that lives.
    wait::until("bob is out", LIMIT, || Ok(world.accounts()? == 1)).unwrap();
    running.kill_9().unwrap();
    activate(&other);
    let gone = || Ok(world.ask(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{account}'"))? == "0");
    wait::until("the session that the backup knows is taken out", LIMIT, gone).unwrap();
    wait::until("nothing is owed", LIMIT, || Ok(other.owed()?.is_empty() && other.sessions()?.is_empty())).unwrap();
    other.verify_trail().unwrap();
    let ticket = mayfly_e2e::client::Ticket::get(&other, "alice", "orders").unwrap();
    assert_eq!(ticket.query("select 1").unwrap(), "1");
    observing.stop().unwrap();
    // What began and ended after the backup is not the copy's, and was taken out by the original.
    wait::until("nothing is left", LIMIT, || Ok(world.accounts()? == 0)).unwrap();
    let difference = world.difference().await.unwrap();
    assert!(difference.is_empty(), "{difference}");
}
