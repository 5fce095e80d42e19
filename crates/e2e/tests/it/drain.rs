//! Draining the server before it is stopped: those who are in stay in, nobody else comes in, and a deadline ends the rest.

use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use std::process::Stdio;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_server_opens_nothing_and_cuts_nobody_before_the_deadline() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let installation = &world.installation;
    let running = world.serve(&["alice", "bob"], &[(Record::new("orders"), None)]).unwrap();
    let (alice, bob) = (world.ticket("alice", "orders").unwrap(), world.ticket("bob", "orders").unwrap());
    let mut hers = alice.open().unwrap();
    let account = hers.query("select current_user").unwrap();
    let draining = || Ok(installation.run(&["status"])?.status.code() == Some(12));

    let mut command = installation.command().unwrap();
    let drain = command.args(["server", "drain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait::until("the server drains", LIMIT, draining).unwrap();
    let status = installation.json(&["status"]);
    assert!(status.is_err(), "exit code 12");
    let refused = String::from_utf8(bob.psql("select 1").unwrap().stderr).unwrap();
    assert!(refused.contains("about to be stopped"), "{refused}");
    assert_eq!(installation.events("access.denied").unwrap().len(), 1);
    assert_eq!(alice.query("select current_user").unwrap(), account, "who is in may connect again");
    hers.query("select 1").unwrap();
    drop(hers);
    let drained = drain.wait_with_output().unwrap();
    let (out, progress) = (String::from_utf8(drained.stdout).unwrap(), String::from_utf8(drained.stderr).unwrap());
    assert!(drained.status.success() && out.contains("nothing is open"), "{out}{progress}");
    assert!(progress.contains("1 sessions are open"), "{progress}");

    installation.must(&["server", "drain", "--cancel"], "").unwrap();
    assert_eq!(installation.run(&["server", "drain", "--cancel"]).unwrap().status.code(), Some(5));
    let mut his = bob.open().unwrap();
    his.query("select 1").unwrap();
    let drained = installation.run(&["server", "drain", "--within", "1s"]).unwrap();
    assert!(drained.status.success(), "{}", String::from_utf8_lossy(&drained.stderr));
    assert!(his.query("select 1").is_err(), "what is left at the deadline is ended");
    assert_eq!(world.accounts().unwrap(), 0, "nothing is left when it says so");
    running.stop().unwrap();
    let _running = installation.start().unwrap();
    assert_eq!(bob.query("select 1").unwrap(), "1", "a server that is started again opens sessions");
    let kinds = ["server.draining", "server.drain_cancelled"].map(|kind| installation.events(kind).unwrap().len());
    assert_eq!(kinds, [2, 1]);
    world.as_before("draining").await.unwrap();
}
