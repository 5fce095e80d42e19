//! `record check --exercise`: a record is tried out on its target through the engine, and what is printed can be shown to
//! anybody.

use mayfly_e2e::exercised::Exercised;
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{MachineWorld, World};
use mayfly_testbed::Flavour;
use mayfly_testbed::host;

/// An account that is made, from the first step to the last.
const MADE: [&str; 12] = [
    "survey",
    "commit",
    "create",
    "log-in",
    "ready",
    "use",
    "disable",
    "end-sessions",
    "look",
    "remove",
    "look",
    "over",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_is_exercised() {
    for flavour in [Flavour::Debian15, Flavour::Newer] {
        let world = World::new(flavour, "").await.unwrap();
        let lifting = Record { launch: Some("launch"), overlap: true, ..Record::new("lifting") };
        let _running = world.serve(&["alice"], &[(Record::new("orders"), None), (lifting, Some(&world.app))]).unwrap();

        let made = Exercised::of(&world.installation, "orders").unwrap();
        made.expect(&MADE).unwrap();
        let (_, seen) = made.step("use").unwrap();
        assert!(seen.contains("\"orders\"") && seen.contains("\"readonly\""), "{seen}");
        world.as_before("an exercise").await.unwrap();

        // It is a session like any other, of whoever asked, and on record as such.
        let granted = world.installation.events("access.granted").unwrap();
        assert_eq!(granted.len(), 1);
        assert_eq!(
            (granted[0]["session"].as_str(), granted[0]["person"].as_str()),
            (Some(&*made.session), Some("exercise.uid-0"))
        );
        let checked = world.installation.events("record.checked").unwrap();
        assert_eq!(
            (checked[0]["detail"]["exercise"].as_str(), checked[0]["actor"].as_str()),
            (Some("passed"), Some("uid:0"))
        );
        for kind in ["account.intended", "account.created", "session.started", "account.removed", "session.closed"] {
            let of_it = |event: &serde_json::Value| event["session"] == *made.session;
            assert!(world.installation.events(kind).unwrap().iter().any(of_it), "no {kind}");
        }

        let lifted = Exercised::of(&world.installation, "lifting").unwrap();
        lifted
            .expect(&[
                "survey",
                "commit",
                "create",
                "log-in",
                "ready",
                "use",
                "end-sessions",
                "withdraw",
                "look",
                "over",
            ])
            .unwrap();
        world.as_before("an exercise of an existing account").await.unwrap();

        for shown in [&made.text, &lifted.text] {
            for hidden in [world.server.handle().host(), &world.admin.password, &world.app.password] {
                assert!(!shown.contains(hidden), "{hidden} is in {shown}");
            }
        }
    }
}

/// What goes wrong on the target is said with what to do, and nothing is left all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_and_nothing_is_left() {
    let mut world = World::new(Flavour::Debian15, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    world.ask("REVOKE CONNECT ON DATABASE orders FROM PUBLIC").unwrap();
    world.ask("REVOKE CONNECT ON DATABASE orders FROM readonly").unwrap();
    world.ask("GRANT CONNECT ON DATABASE orders TO mayfly_admin").unwrap();
    world.settle().await.unwrap();
    let closed = Exercised::of(&world.installation, "orders").unwrap();
    assert!(!closed.passed);
    let (went, what) = closed.step("log-in").unwrap();
    assert_eq!(went, "wrong");
    assert!(what.contains("GRANT CONNECT ON DATABASE \"orders\" TO \"readonly\""), "{what}");
    assert_eq!(closed.step("over").unwrap().0, "well");
    assert_eq!(closed.next, ["mayfly record check orders"]);
    world.as_before("an exercise that could not log in").await.unwrap();

    world.ask("ALTER ROLE readonly RENAME TO reading").unwrap();
    world.settle().await.unwrap();
    let missing = Exercised::of(&world.installation, "orders").unwrap();
    let (went, what) = missing.step("survey").unwrap();
    assert!(went == "wrong" && what.contains("there is no role \"readonly\""), "{what}");
    assert_eq!(missing.step("over").unwrap(), ("well", "nothing had been made on the target"));
    world.as_before("an exercise that was refused").await.unwrap();

    // The text for people says the same.
    let output = world.installation.run(&["record", "check", "orders", "--exercise"]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(12), "{text}");
    assert!(text.contains("✗") && text.contains(" ms") && text.contains("something went wrong"), "{text}");
}

#[test]
fn a_host_is_exercised() {
    let world = MachineWorld::new(host::Flavour::Plain, "groupadd operators").unwrap();
    let record = MachineRecord { elevate: Some("operators"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    let made = Exercised::of(&world.installation, "web01").unwrap();
    made.expect(&MADE).unwrap();
    let (_, seen) = made.step("use").unwrap();
    assert!(seen.contains("keeper_") && seen.contains("operators"), "{seen}");
    assert!(!made.text.contains(&world.host.address().to_string()), "{}", made.text);
    world.as_before("an exercise").unwrap();
}
