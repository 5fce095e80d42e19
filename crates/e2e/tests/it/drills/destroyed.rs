//! A target is destroyed while somebody works on it: it is written off by a named person, stays listed, and is cleaned up when it
//! comes back after all.

use mayfly_e2e::installation::binary;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_destroyed_is_written_off_and_looked_for_again() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let mayfly = &world.installation;
    let ticket = world.ticket("alice", "orders").unwrap();
    let reason = ["--reason", "the rack burnt"];
    let write_off = |target: &str| {
        let output = mayfly.run(&[&["target", "write-off", target][..], &reason].concat()).unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = write_off("orders");
    assert_eq!(code, Some(5), "nothing is known yet: {said}");

    // While the target answers it is not written off, however much is owed there.
    let mut psql = ticket.open().unwrap();
    let account = psql.query("select current_user").unwrap();
    let (code, said) = write_off("orders");
    assert!(code == Some(10) && said.contains("open on this target: 1"), "{code:?} {said}");
    world.ask("alter role mayfly_admin nocreaterole").unwrap();
    psql.leave().unwrap();
    wait::until("the account is owed", LIMIT, || Ok(mayfly.owed()?.iter().any(|change| change["tries"] != 0))).unwrap();
    let (code, said) = write_off("orders");
    assert!(code == Some(10) && said.contains("answers at"), "{code:?} {said}");

    let owed = mayfly.owed().unwrap();
    let by_hand = mayfly.must(&["cleanup", "show", owed[0]["id"].as_str().unwrap(), "--manual"], "").unwrap();
    assert!(by_hand.starts_with("#!/bin/sh\n") && by_hand.contains("DROP ROLE"), "{by_hand}");

    world.server.kill_9().unwrap();
    let target = mayfly.json(&["target", "show", "orders"]).unwrap();
    assert_eq!((&target["withdrawing"], &target["records"]), (&1.into(), &serde_json::json!(["orders"])), "{target}");
    let id = target["target"].as_str().unwrap();
    // Behind sudo everybody is root; the kernel knows as whom they logged in, unless this machine keeps no log-in uids.
    let logged_in = "echo 4242 > /proc/self/loginuid; cat /proc/self/loginuid; exec \"$@\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", logged_in, "sh"]).arg(binary().unwrap()).args(["target", "write-off", id]).args(reason);
    let output = shell.env("MAYFLY_SOCKET", mayfly.socket()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("is written off, with 1 changes"), "{said}");
    let login = said.lines().next().filter(|login| *login == "4242").map(|login| format!(", logged in as uid:{login}"));
    let owed = mayfly.owed().unwrap();
    assert_eq!((&owed[0]["state"], &owed[0]["account"]), (&"written_off".into(), &account.as_str().into()), "{owed:?}");
    wait::until("the session is closed", LIMIT, || Ok(!mayfly.events("session.closed")?.is_empty())).unwrap();
    assert_eq!(mayfly.json(&["status"]).unwrap()["cleanup_pending"], 0, "nobody waits for it any more");
    let event = &mayfly.events("target.written_off").unwrap()[0];
    let by = event["actor"].as_str().unwrap();
    assert!(by.starts_with("uid:") && event["reason"] == "the rack burnt", "{event}");

    // It comes back after all: the next session there, or a look every few minutes, shows it.
    world.server.restart().unwrap();
    world.ask("alter role mayfly_admin createrole").unwrap();
    assert_eq!(world.accounts().unwrap(), 1, "the account is still there");
    assert!(ticket.query("select current_user").unwrap().starts_with("keeper_"));
    world.as_before("what was written off").await.unwrap();
    let shown = mayfly.must(&["target", "show", "orders"], "").unwrap();
    assert!(shown.contains("the rack burnt") && shown.contains("it answered again"), "{shown}");
    assert!(login.is_none_or(|login| shown.contains(&format!("by uid:0{login}: "))), "{shown}");
    assert_eq!(mayfly.events("target.returned").unwrap().len(), 1);
    mayfly.verify_trail().unwrap();
}
