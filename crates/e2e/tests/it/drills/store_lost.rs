//! The store is lost altogether while people work: a new installation takes over what the lost one left, and nothing else.

use super::{refused, scan};
use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::{Installation, World, wait};
use mayfly_testbed::Flavour;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_installation_removes_what_a_lost_one_left() {
    let third = "CREATE ROLE keeper_0000000000abd LOGIN; \
        COMMENT ON ROLE keeper_0000000000abd IS 'mayfly ins_0000000000000abd ses_0000000000000abd'";
    let mut world = World::new(Flavour::Newer, third).await.unwrap();
    world.settle().await.unwrap();
    let running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    let mut psql = ticket.open().unwrap();
    let account = psql.query("select current_user").unwrap();
    let lost = world.installation.json(&["status"]).unwrap()["installation"].as_str().unwrap().to_owned();
    running.kill_9().unwrap();
    drop(psql);

    let anew = Installation::init().unwrap();
    let settings = std::fs::read_to_string(anew.config()).unwrap();
    std::fs::write(anew.config(), settings.replace("scan_every_s = 86400", "scan_every_s = 1")).unwrap();
    let _running = anew.start().unwrap();
    objects::apply(&anew, world.server.handle(), &world.admin, &["alice"], &[(Record::new("orders"), None)]).unwrap();
    let on_schedule = || {
        let found = anew.events("orphan.found")?;
        Ok(found.iter().any(|event| event["account"] == account.as_str() && event["actor"] == "server"))
    };
    wait::until("the schedule finds it", Duration::from_secs(60), on_schedule).unwrap();
    let found = scan(&anew);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|orphan| orphan["whose"] == "another" && orphan["removable"] == false), "{found:?}");
    let (code, said) = refused(&anew, &["orphans", "remove", &account]);
    assert!(code == Some(10) && said.contains(&format!("claim-installation {lost}")), "{code:?} {said}");

    let own = anew.json(&["status"]).unwrap()["installation"].as_str().unwrap().to_owned();
    let (code, _) = refused(&anew, &["orphans", "claim-installation", &own, "--reason", "mistake"]);
    assert_eq!(code, Some(10));
    anew.must(&["orphans", "claim-installation", &lost, "--reason", "its disk is gone"], "").unwrap();
    let claims = anew.json(&["orphans", "claims"]).unwrap();
    assert_eq!(claims["items"][0]["reason"], "its disk is gone", "{claims}");
    let orphans = scan(&anew);
    let removable: Vec<_> = orphans.iter().filter(|orphan| orphan["removable"] == true).collect();
    assert!(removable.len() == 1 && removable[0]["account"] == account.as_str(), "{orphans:?}");
    let done = anew.must(&["orphans", "remove", &account], "").unwrap();
    assert!(done.contains("is absent"), "{done}");
    let left = world.ask("select string_agg(rolname, ' ') from pg_roles where rolname like 'keeper%'").unwrap();
    assert_eq!(left, "keeper_0000000000abd", "the third installation's stays");
    let difference = world.difference().await.unwrap();
    assert!(difference.is_empty(), "{difference}");
    let claimed = &anew.events("installation.claimed").unwrap()[0];
    assert!(claimed["actor"].as_str().unwrap().starts_with("uid:"), "{claimed}");
    anew.verify_trail().unwrap();
}
