//! Sessions on MySQL and MariaDB, with the least-privilege administrator and the servers' own clients. After each, what the server
//! knows of accounts is what it was.

use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::{MysqlWorld, Prompt, wait};
use mayfly_testbed::mysql::{Flavour, skip};
use std::time::Duration;

#[test]
fn sessions_come_and_go_on_mariadb() {
    come_and_go(Flavour::MariaDb);
}

#[test]
fn sessions_come_and_go_on_mysql() {
    if skip::can_run(Flavour::MySql) {
        come_and_go(Flavour::MySql);
    }
}

fn come_and_go(flavour: Flavour) {
    let world = MysqlWorld::new(flavour).unwrap();
    let plain = Record { elevate: None, ..Record::new("plain") };
    let short = Record { duration: "5s", ..Record::new("short") };
    let existing = Record { launch: Some("launch"), linger: "0s", ..Record::new("existing") };
    let records = [(plain, None), (Record::new("lifted"), None), (short, None), (existing, Some(&world.app))];
    let _running = world.serve(&["alice", "bob"], &records).unwrap();
    without_a_role(&world);
    in_a_role_and_joined(&world);
    an_existing_account(&world);
    the_deadline(&world);
    an_administrator_with_a_reason(&world);
    a_person_who_is_disabled(&world);
    a_client_that_vanishes(&world);
    a_target_that_is_down(&world);
}

/// What a client reads when its next statement finds the session over.
fn last_words(client: &mut Prompt) -> String {
    client.query("select 'still here'").unwrap_err().to_string()
}

fn account(client: &mut Prompt) -> String {
    client.query("select substring_index(current_user(), '@', 1)").unwrap()
}

fn without_a_role(world: &MysqlWorld) {
    let ticket = world.ticket("alice", "plain").unwrap();
    let refused = ticket.run("select count(*) from orders.orders").unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    // The default database of the record is one that this account may not use.
    assert!(!refused.status.success() && words.contains("ERROR 1044"), "{words}");
    world.as_before("a session without a role").unwrap();
}

fn in_a_role_and_joined(world: &MysqlWorld) {
    let ticket = world.ticket("alice", "lifted").unwrap();
    let mut client = ticket.open().unwrap();
    let name = account(&mut client);
    assert!(name.starts_with("keeper_"), "{name}");
    assert_eq!(client.query("select database(), count(*) from orders").unwrap(), "orders\t5");
    let refused = ticket.run("insert into customers (name) values ('x')").unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("ERROR 1142"), "readonly only reads");
    assert_eq!(ticket.query("select substring_index(current_user(), '@', 1)").unwrap(), name, "a second client joins");
    assert_eq!((world.accounts().unwrap(), world.installation.sessions().unwrap().len()), (1, 1));
    client.leave().unwrap();
    world.as_before("a session in a role").unwrap();
}

fn an_existing_account(world: &MysqlWorld) {
    let ticket = world.ticket("alice", "existing").unwrap();
    let mut client = ticket.open().unwrap();
    assert_eq!(account(&mut client), "app");
    assert_eq!(client.query("select count(*) from orders").unwrap(), "5", "the role is active");
    assert!(world.has_role("readonly").unwrap());
    client.leave().unwrap();
    world.as_before("an account that was lifted").unwrap();
    assert!(!world.has_role("readonly").unwrap());
}

fn the_deadline(world: &MysqlWorld) {
    let mut client = world.ticket("alice", "short").unwrap().open().unwrap();
    world.as_before("a session whose time was over").unwrap();
    let words = last_words(&mut client);
    assert!(words.contains("the time granted for this session is over"), "{words}");
}

fn an_administrator_with_a_reason(world: &MysqlWorld) {
    let mut client = world.ticket("alice", "lifted").unwrap().open().unwrap();
    let id = world.installation.sessions().unwrap()[0]["id"].as_str().unwrap().to_owned();
    world.installation.must(&["sessions", "end", &id, "--reason", "the quarter is closed"], "").unwrap();
    assert_eq!(world.accounts().unwrap(), 0, "the answer comes when the account is seen to be gone");
    let words = last_words(&mut client);
    assert!(words.contains("an administrator ended this session: the quarter is closed"), "{words}");
    world.as_before("a session that an administrator ended").unwrap();
}

fn a_person_who_is_disabled(world: &MysqlWorld) {
    let ticket = world.ticket("bob", "lifted").unwrap();
    let mut client = ticket.open().unwrap();
    let yaml = objects::person(&world.installation, "bob", &["lifted"], true).unwrap();
    world.installation.must(&["apply", "-f", "-"], &yaml).unwrap();
    world.as_before("a session of a person who was disabled").unwrap();
    let words = last_words(&mut client);
    assert!(words.contains("you may no longer open this"), "{words}");
    let refused = ticket.run("select 1").unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("sign-in failed"));
}

fn a_client_that_vanishes(world: &MysqlWorld) {
    let client = world.ticket("alice", "lifted").unwrap().open().unwrap();
    assert_eq!(world.accounts().unwrap(), 1);
    // SIGKILL, while it is connected.
    drop(client);
    world.as_before("a client that vanished").unwrap();
}

fn a_target_that_is_down(world: &MysqlWorld) {
    let mut client = world.ticket("alice", "lifted").unwrap().open().unwrap();
    let name = account(&mut client);
    world.server().stop().unwrap();
    assert!(client.query("select 1").is_err());
    let owed = || Ok(!world.installation.owed()?.is_empty());
    wait::until("the account is owed", Duration::from_secs(20), owed).unwrap();
    assert_eq!(world.installation.owed().unwrap()[0]["account"], name.as_str());
    world.server().restart().unwrap();
    world.as_before("a target that was down").unwrap();
}
