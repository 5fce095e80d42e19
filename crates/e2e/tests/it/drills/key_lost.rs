//! The installation's key is lost while people work: the server does not start. Targets close by their own deadlines, and what is
//! owed is undone by hand with what the store's files say, without the key. When the key is found, the server sees that it is done.

use super::refused;
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, MachineWorld, World, wait};
use mayfly_testbed::{Flavour, Login, host};
use std::path::PathBuf;
use std::time::Duration;

const PASSWORD: &str = "of deploy 8c1f02";
const LIMIT: Duration = Duration::from_secs(60);

/// Moves the key away, and sees that nothing starts without it. Returns how to put it back.
fn lose_key(mayfly: &Installation) -> impl FnOnce() + use<> {
    let (key, kept): (PathBuf, PathBuf) =
        (mayfly.directory().join("etc/master.key"), mayfly.directory().join("master.key.found"));
    std::fs::rename(&key, &kept).unwrap();
    let error = mayfly.start().unwrap_err();
    assert!(format!("{error:#}").contains("master.key"), "{error:#}");
    move || std::fs::rename(kept, key).unwrap()
}

/// What the store's files say is still there, as ids with their kinds.
fn offline(mayfly: &Installation) -> Vec<(String, String)> {
    let config = mayfly.config();
    let listed = mayfly.json(&["server", "cleanup", "--config", config.to_str().unwrap()]).unwrap();
    let text = |change: &serde_json::Value, key: &str| change[key].as_str().unwrap().to_owned();
    listed["items"].as_array().unwrap().iter().map(|change| (text(change, "id"), text(change, "kind"))).collect()
}

fn manual(mayfly: &Installation, id: &str) -> String {
    mayfly.must(&["server", "cleanup", "--config", mayfly.config().to_str().unwrap(), "--manual", id], "").unwrap()
}

/// Runs a script as the target's administrator would, on the machine of the server.
fn run_by_hand(world: &World, script: &str) {
    let file = world.installation.directory().join("by-hand.sh");
    std::fs::write(&file, script).unwrap();
    let handle = world.server.handle();
    for _ in 0..2 {
        let mut shell = std::process::Command::new("sh");
        shell.arg(&file).env("PGHOST", handle.socket_dir()).env("PGPORT", handle.port().to_string());
        let output = shell.env("PGUSER", &handle.superuser().user).output().unwrap();
        assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_a_database_server_is_cleaned_up_by_hand() {
    let setup = "CREATE ROLE builder NOLOGIN; GRANT CREATE ON DATABASE orders, billing TO builder";
    let mut world = World::new(Flavour::Newer, setup).await.unwrap();
    world.ask("GRANT builder TO mayfly_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE").unwrap();
    world.settle().await.unwrap();
    let config = world.installation.config();
    let settings = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, settings.replace("margin_s = 60", "margin_s = 1")).unwrap();
    let made = Record { elevate: Some("builder"), duration: "12s", linger: "12s", ..Record::new("orders") };
    let lifted = Record { launch: Some("app"), ..Record::new("lifted") };
    let dropped =
        Record { leftovers: "drop", duration: "10m", linger: "1m", ..Record { name: "dropped", ..made.clone() } };
    let records = [(made, None), (dropped, None), (lifted, Some(&world.app))];
    let running = world.serve(&["alice", "bob"], &records).unwrap();
    let mayfly = &world.installation;
    let mut as_app = world.ticket("bob", "lifted").unwrap().open().unwrap();
    assert_eq!(as_app.query("select current_user").unwrap(), "app");
    let dropped = world.ticket("bob", "dropped").unwrap();
    dropped.script("orders", "create schema gone; create table gone.t (id int)").unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    let leave = "create schema nest; create table nest.eggs (id int); \
                 create function nest.cuckoo() returns int language sql security definer as 'select 1'";
    ticket.script("billing", leave).unwrap();
    let mut psql = ticket.open().unwrap();
    let account = psql.query("select current_user").unwrap();
    running.kill_9().unwrap();
    drop((psql, as_app));
    let find_key = lose_key(mayfly);

    // The target's own deadline: who has the password gets in before it, and not after it.
    let login = Login { user: account.clone(), password: "of the account 5c0de1aa".to_owned() };
    world.ask(&format!("set log_statement = 'none'; alter role {account} password '{}'", login.password)).unwrap();
    let gets_in = || mayfly_e2e::client::direct(world.server.handle(), &login).is_ok();
    wait::until("the target lets the account in no more", LIMIT, || Ok(!gets_in())).unwrap();
    let past = format!("select rolcanlogin and rolvaliduntil < now() from pg_roles where rolname = '{account}'");
    assert_eq!(world.ask(&past).unwrap(), "t", "it is the deadline, and nothing else, that keeps it out");

    let owed = offline(mayfly);
    let kinds: Vec<&str> = owed.iter().map(|(_, kind)| kind.as_str()).collect();
    let count = |kind: &str| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!((count("account"), count("membership")), (2, 1), "{owed:?}");
    let (code, _) = refused(
        mayfly,
        &["server", "cleanup", "--config", config.to_str().unwrap(), "--manual", "chg_0000000000000000"],
    );
    assert_eq!(code, Some(5));
    for (id, _) in &owed {
        run_by_hand(&world, &manual(mayfly, id));
    }
    assert_eq!(world.accounts().unwrap(), 0);
    assert!(!world.is_member("app", "readonly").unwrap());
    let billing = |what: &str| world.server.psql(&["-d", "billing", "-c", what]).unwrap().trim().to_owned();
    let owner = "select distinct relowner::regrole from pg_class where relnamespace = 'nest'::regnamespace";
    assert_eq!(billing(owner), "mayfly_graveyard");
    assert_eq!(billing("select prosecdef from pg_proc where proname = 'cuckoo'"), "f");
    billing("drop owned by mayfly_graveyard cascade");
    let difference = world.difference().await.unwrap();
    assert!(difference.is_empty(), "{difference}");

    // On another server the same script does nothing.
    let script = manual(mayfly, &owed[0].0).replace("<> 'postgresql:", "<> 'postgresql:9");
    let file = mayfly.directory().join("other.sh");
    std::fs::write(&file, script).unwrap();
    let handle = world.server.handle();
    let mut shell = std::process::Command::new("sh");
    shell.arg(&file).env("PGHOST", handle.socket_dir()).env("PGPORT", handle.port().to_string());
    let output = shell.env("PGUSER", &handle.superuser().user).output().unwrap();
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("another server"),
        "{output:?}"
    );

    find_key();
    let _running = mayfly.start().unwrap();
    world.as_before("what was undone by hand").await.unwrap();
    assert_eq!(mayfly.events("account.removed").unwrap().len(), 2);
    mayfly.verify_trail().unwrap();
}

#[test]
fn without_the_key_a_host_is_cleaned_up_by_hand() {
    let setup = format!(
        "groupadd ops; useradd -m -s /bin/bash deploy; echo 'deploy:{PASSWORD}' | chpasswd\n\
         printf 'PasswordAuthentication yes\\n' > /etc/ssh/sshd_config.d/10-password.conf; pkill -HUP -o sshd || true"
    );
    let world = MachineWorld::new(host::Flavour::Plain, &setup).unwrap();
    let made = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let lifted = MachineRecord { launch: Some("deploy"), elevate: Some("ops"), ..MachineRecord::new("lifted") };
    let running = world.serve(&["alice"], &[made, lifted], Some(PASSWORD)).unwrap();
    let mut as_deploy = world.open("alice", "lifted").unwrap();
    assert!(as_deploy.query("id -Gn").unwrap().contains("ops"));
    let mayfly = &world.installation;
    let mut shell = world.open("alice", "web01").unwrap();
    shell.query("(setsid sleep 1000 > /dev/null 2>&1 &); mkdir /tmp/left; echo x > /tmp/left/file; id -un").unwrap();
    running.kill_9().unwrap();
    drop((shell, as_deploy));
    let find_key = lose_key(mayfly);
    let owed = offline(mayfly);
    let kinds: Vec<&str> = owed.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(kinds, ["companion", "account", "membership"], "what builds on the account goes before it: {owed:?}");
    for (id, _) in owed.iter().chain(&owed) {
        let script = manual(mayfly, id);
        let said = world.host.run(&["sh", "-c", &script]).unwrap();
        assert!(said.contains("it is gone") || said.contains("withdraw: done"), "{said}");
    }
    assert_eq!(world.host.shell("id -Gn deploy").unwrap().trim(), "deploy");
    let elsewhere = manual(mayfly, &owed[1].0).replace("/etc/machine-id)\" = '", "/etc/machine-id)\" = 'f");
    assert!(world.host.run(&["sh", "-c", &elsewhere]).is_err(), "on another host it does nothing");
    find_key();
    let _running = mayfly.start().unwrap();
    world.as_before("what was undone by hand").unwrap();
    assert_eq!(mayfly.events("account.removed").unwrap().len(), 1);
}
