//! What is asked at three in the morning: whose account is this in the log of the target, and what became of that session?

use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn whose_an_account_was_is_known_also_after_it_is_gone() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let before = world.installation.json(&["audit", "tail", "-n", "1"]).unwrap();
    let before = before["items"][0]["at_us"].as_i64().unwrap() / 1_000_000;
    let ticket = world.ticket("alice", "orders").unwrap();
    let mut psql = ticket.open().unwrap();
    let account = psql.query("select current_user").unwrap();
    let live = world.installation.json(&["whois", &account]).unwrap();
    assert_eq!((live["person"].as_str(), live["state"].as_str()), (Some("alice"), Some("live")), "{live}");
    let session = live["id"].as_str().unwrap().to_owned();
    psql.leave().unwrap();
    wait::until("the account is gone", Duration::from_secs(20), || Ok(world.accounts()? == 0)).unwrap();
    wait::until("the session is closed", Duration::from_secs(20), || {
        Ok(world.installation.json(&["whois", &account])?["state"] == "ended")
    })
    .unwrap();

    let shown = world.installation.must(&["whois", &account], "").unwrap();
    for said in ["person   alice", "record   orders", &account, &session] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let story = world.installation.must(&["session", "explain", &session], "").unwrap();
    for said in
        ["ended", "account.intended", "session.started", "connection.closed", "account.removed", "session.closed"]
    {
        assert!(story.contains(said), "{said}: {story}");
    }
    assert!(story.find("account.intended") < story.find("account.removed"), "in order: {story}");
    // Before it was made it was nobody's, and an account that never was is nobody's.
    let date =
        std::process::Command::new("date").args(["-u", "-d", &format!("@{before}"), "+%FT%TZ"]).output().unwrap();
    let date = String::from_utf8(date.stdout).unwrap();
    for nobodys in [&["whois", &account, "--at", date.trim()][..], &["whois", "keeper_0000000000000"]] {
        let output = world.installation.run(nobodys).unwrap();
        assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let wrong = world.installation.run(&["whois", &account, "--at", "yesterday"]).unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
    let all = world.installation.json(&["sessions", "ls", "--all", "--person", "alice"]).unwrap();
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");
    assert_eq!(world.installation.json(&["sessions", "ls"]).unwrap()["items"], serde_json::json!([]));
}
