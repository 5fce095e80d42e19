//! Accounts made for a session: without a role, in a role, joined by a second client, lingering, with a password that the
//! person gave them, and abandoned by a client that vanished.

use super::on_both;
use mayfly_e2e::client::direct;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::{Flavour, Login};
use std::time::Duration;

on_both!(accounts_come_and_go);

async fn accounts_come_and_go(flavour: Flavour) {
    let world = World::new(flavour, "").await.unwrap();
    let plain = Record { elevate: None, ..Record::new("plain") };
    let lingering = Record { linger: "60s", ..Record::new("lingering") };
    let records = [(plain, None), (Record::new("lifted"), None), (lingering, None)];
    let _running = world.serve(&["alice"], &records).unwrap();
    without_a_role(&world).await;
    in_a_role_and_joined(&world).await;
    lingers(&world).await;
    with_a_password_of_ones_own(&world).await;
    a_client_that_vanishes(&world).await;
}

async fn without_a_role(world: &World) {
    let ticket = world.ticket("alice", "plain").unwrap();
    let mut psql = ticket.open().unwrap();
    assert!(psql.query("select current_user").unwrap().starts_with("keeper_"));
    let refused = ticket.psql("select count(*) from orders").unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("permission denied"), "{words}");
    psql.leave().unwrap();
    world.as_before("a session without a role").await.unwrap();
}

async fn in_a_role_and_joined(world: &World) {
    let ticket = world.ticket("alice", "lifted").unwrap();
    let mut psql = ticket.open().unwrap();
    assert_eq!(psql.query("select count(*) from orders").unwrap(), "5");
    let refused = ticket.psql("insert into customers (name) values ('x')").unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("permission denied"), "readonly only reads");
    let account = psql.query("select current_user").unwrap();
    assert_eq!(ticket.query("select current_user").unwrap(), account, "a second client joins the account");
    assert_eq!((world.accounts().unwrap(), world.installation.sessions().unwrap().len()), (1, 1));
    psql.leave().unwrap();
    world.as_before("a session in a role").await.unwrap();
}

async fn lingers(world: &World) {
    let ticket = world.ticket("alice", "lingering").unwrap();
    let account = ticket.query("select current_user").unwrap();
    assert_eq!(ticket.query("select current_user").unwrap(), account, "the session waits for another connection");
    let id = world.installation.sessions().unwrap()[0]["id"].as_str().unwrap().to_owned();
    world.installation.must(&["sessions", "end", &id], "").unwrap();
    world.as_before("a session that lingered").await.unwrap();
}

async fn with_a_password_of_ones_own(world: &World) {
    let ticket = world.ticket("alice", "lifted").unwrap();
    let mut psql = ticket.open().unwrap();
    let user = psql.query("select current_user").unwrap();
    psql.query("alter role current_user password 'mine, all mine'").unwrap();
    let own = Login { user, password: "mine, all mine".to_owned() };
    let mut round = direct(world.server.handle(), &own).unwrap();
    assert_eq!(round.query("select count(*) from orders").unwrap(), "5", "the person is in past the broker");
    psql.leave().unwrap();
    world.as_before("an account with a password of the person's own").await.unwrap();
    let ended = round.query("select 1").unwrap_err().to_string();
    assert!(ended.contains("terminating connection"), "{ended}");
    assert!(direct(world.server.handle(), &own).is_err());
    let trail = world.installation.must(&["-o", "jsonl", "audit", "tail", "-n", "all"], "").unwrap();
    assert!(trail.contains("was told to end"), "the session past the broker is on record");
}

async fn a_client_that_vanishes(world: &World) {
    let ticket = world.ticket("alice", "lifted").unwrap();
    let psql = ticket.open().unwrap();
    assert_eq!(world.accounts().unwrap(), 1);
    // SIGKILL, while it is connected.
    drop(psql);
    let gone = || Ok(world.accounts()? == 0);
    wait::until("the account of a vanished client is gone", Duration::from_secs(20), gone).unwrap();
    world.as_before("a client that vanished").await.unwrap();
}
