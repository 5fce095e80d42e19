//! Existing accounts that are lifted into a role for a session: what is older stays, what overlaps is counted, what was there
//! before is not taken away.

use super::on_both;
use mayfly_e2e::World;
use mayfly_e2e::client::direct;
use mayfly_e2e::objects::Record;
use mayfly_testbed::Flavour;

on_both!(accounts_are_lifted_and_lowered);

fn lifting(name: &str, overlap: bool) -> Record<'_> {
    Record { launch: Some("launch"), overlap, linger: "0s", ..Record::new(name) }
}

async fn accounts_are_lifted_and_lowered(flavour: Flavour) {
    let world = World::new(flavour, "").await.unwrap();
    let records = [
        (lifting("alone", false), Some(&world.app)),
        (lifting("left", true), Some(&world.app)),
        (lifting("right", true), Some(&world.app)),
        (lifting("member", true), Some(&world.insider)),
    ];
    let _running = world.serve(&["alice", "bob"], &records).unwrap();
    lifted_beside_a_bystander(&world).await;
    two_records_of_one_server(&world).await;
    a_member_already(&world).await;
}

async fn lifted_beside_a_bystander(world: &World) {
    let mut bystander = direct(world.server.handle(), &world.app).unwrap();
    let ticket = world.ticket("alice", "alone").unwrap();
    let mut psql = ticket.open().unwrap();
    assert_eq!(psql.query("select current_user").unwrap(), "app");
    assert_eq!(psql.query("select count(*) from orders").unwrap(), "5");
    assert!(world.is_member("app", "readonly").unwrap());
    let other = world.ticket("bob", "alone").unwrap();
    let busy = other.psql("select 1").unwrap();
    let words = String::from_utf8_lossy(&busy.stderr).into_owned();
    assert!(!busy.status.success() && words.contains("lifted into readonly by another session"), "{words}");
    // Whoever came in as that account meanwhile goes, whatever role they hide behind; our own client has done so too.
    let mut latecomer = direct(world.server.handle(), &world.app).unwrap();
    latecomer.query("set role readonly").unwrap();
    let mut second = ticket.open().unwrap();
    second.query("set role readonly").unwrap();
    let id = world.installation.sessions().unwrap()[0]["id"].as_str().unwrap().to_owned();
    world.installation.must(&["sessions", "end", &id], "").unwrap();
    for (who, psql) in [("client", &mut psql), ("client in the role", &mut second), ("latecomer", &mut latecomer)] {
        assert!(psql.query("select 1").is_err(), "the {who} is still in");
    }
    assert_eq!(bystander.query("select current_user").unwrap(), "app", "older sessions go on");
    world.as_before("a lifted account").await.unwrap();
}

async fn two_records_of_one_server(world: &World) {
    let (left, right) = (world.ticket("alice", "left").unwrap(), world.ticket("bob", "right").unwrap());
    let (mut first, mut second) = (left.open().unwrap(), right.open().unwrap());
    assert_eq!(first.query("select count(*) from orders").unwrap(), "5");
    assert_eq!(second.query("select count(*) from orders").unwrap(), "5");
    first.leave().unwrap();
    let one = || Ok(world.installation.sessions()?.len() == 1);
    mayfly_e2e::wait::until("the first is out", std::time::Duration::from_secs(20), one).unwrap();
    assert!(world.is_member("app", "readonly").unwrap(), "the first one out leaves it to the second");
    assert_eq!(second.query("select count(*) from orders").unwrap(), "5");
    second.leave().unwrap();
    world.as_before("two overlapping elevations").await.unwrap();
    assert!(!world.is_member("app", "readonly").unwrap(), "the last one out takes it away");
}

async fn a_member_already(world: &World) {
    let mut psql = world.ticket("alice", "member").unwrap().open().unwrap();
    assert_eq!(psql.query("select current_user").unwrap(), "insider");
    psql.leave().unwrap();
    world.as_before("an account that was a member already").await.unwrap();
    assert!(world.is_member("insider", "readonly").unwrap(), "what was there before stays");
}
