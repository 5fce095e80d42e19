//! Access that is taken away in a hurry: a lockdown of everybody, a person or a record, and a person who is switched off.

use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

fn refusal(ticket: &Ticket) -> String {
    let output = ticket.psql("select 1").unwrap();
    assert!(!output.status.success(), "{} came in", ticket.user);
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_cuts_whom_it_concerns_and_holds_until_it_is_lifted() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let records = [(Record::new("orders"), None), (Record::new("other"), None)];
    let running = world.serve(&["alice", "bob"], &records).unwrap();
    let of = |person: &str, record: &str| world.ticket(person, record).unwrap();
    let tickets = [of("alice", "orders"), of("alice", "other"), of("bob", "orders")];
    for (whom, concerned, named) in [
        (["--user", "alice"].as_slice(), [true, true, false], "person:alice"),
        (&["--record", "orders"], [true, false, true], "record:orders"),
        (&["--all"], [true, true, true], "all"),
    ] {
        let mut open: Vec<_> = tickets.iter().map(|ticket| ticket.open().unwrap()).collect();
        for psql in &mut open {
            psql.query("select 1").unwrap();
        }
        let arguments = [&["lockdown"], whom, &["--reason", "keys were stolen"]].concat();
        let answer = world.installation.json(&arguments).unwrap();
        let expected = concerned.iter().filter(|concerned| **concerned).count();
        assert_eq!(
            (answer["ended"].as_u64(), answer["recorded"].as_bool()),
            (Some(expected as u64), Some(true)),
            "{answer}"
        );
        for ((psql, ticket), concerned) in open.iter_mut().zip(&tickets).zip(concerned) {
            if concerned {
                wait::until("the connection is cut", LIMIT, || Ok(psql.query("select 1").is_err())).unwrap();
                assert!(refusal(ticket).contains("access is locked down"), "{}", refusal(ticket));
            } else {
                psql.query("select 1").unwrap();
            }
        }
        let status = world.installation.must(&["status"], "").unwrap();
        assert!(status.contains(named), "{status}");
        drop(open);
        world.installation.must(&["lockdown", "lift", named], "").unwrap();
    }
    // It outlasts the server.
    world.installation.must(&["lockdown", "--all", "--reason", "keys were stolen"], "").unwrap();
    running.kill_9().unwrap();
    let _running = world.installation.start().unwrap();
    assert!(refusal(&tickets[0]).contains("access is locked down"));
    let listed = world.installation.must(&["lockdown", "ls"], "").unwrap();
    assert!(listed.contains("keys were stolen"), "{listed}");
    world.installation.must(&["lockdown", "lift", "all"], "").unwrap();
    assert_eq!(tickets[0].query("select 1").unwrap(), "1");
    let again = world.installation.run(&["lockdown", "lift", "all"]).unwrap();
    assert_eq!(again.status.code(), Some(5));
    world.as_before("lockdowns").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_switched_off_is_cut_and_stays_out() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let running = world.serve(&["alice", "bob"], &[(Record::new("orders"), None)]).unwrap();
    let (alice, bob) = (world.ticket("alice", "orders").unwrap(), world.ticket("bob", "orders").unwrap());
    let (mut hers, mut his) = (alice.open().unwrap(), bob.open().unwrap());
    hers.query("select 1").unwrap();
    his.query("select 1").unwrap();
    let answer = world.installation.json(&["user", "disable", "alice", "--reason", "left the company"]).unwrap();
    assert_eq!((answer["ended"].as_u64(), answer["recorded"].as_bool()), (Some(1), Some(true)), "{answer}");
    wait::until("the connection is cut", LIMIT, || Ok(hers.query("select 1").is_err())).unwrap();
    his.query("select 1").unwrap();
    refusal(&alice);
    running.kill_9().unwrap();
    let _running = world.installation.start().unwrap();
    refusal(&alice);
    world.installation.must(&["user", "enable", "alice"], "").unwrap();
    let alice = world.ticket("alice", "orders").unwrap();
    assert_eq!(alice.query("select 1").unwrap(), "1");
    let nobody = world.installation.run(&["user", "disable", "nobody"]).unwrap();
    assert_eq!(nobody.status.code(), Some(5));
    let trail = world.installation.must(&["audit", "tail", "-n", "all"], "").unwrap();
    assert!(trail.contains("person.disabled") && trail.contains("left the company"), "{trail}");
    drop((hers, his));
    world.as_before("a person switched off").await.unwrap();
}
