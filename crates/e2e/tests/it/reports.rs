//! What is told to those who review access, by the command line against a real server and a real target.

use mayfly_e2e::World;
use mayfly_e2e::objects::Record;
use mayfly_testbed::Flavour;
use serde_json::{Value, json};

/// The rows that a report of access has of these people and records.
fn rows(world: &World, arguments: &[&str]) -> Vec<Value> {
    world.installation.list(&[&["report", "access"], arguments].concat()).unwrap()
}

fn of<'a>(rows: &'a [Value], person: &str, record: &str) -> &'a Value {
    rows.iter().find(|row| row["person"] == person && row["record"] == record).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_of_access_says_who_may_and_who_did() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let lifted = Record { launch: Some("app"), ..Record::new("lifted") };
    let _running =
        world.serve(&["alice", "bob"], &[(Record::new("orders"), None), (lifted, Some(&world.app))]).unwrap();
    let mut psql = world.ticket("alice", "orders").unwrap().open().unwrap();
    psql.query("select 1").unwrap();

    let all = rows(&world, &[]);
    let pairs: Vec<_> =
        all.iter().map(|row| (row["person"].as_str().unwrap(), row["record"].as_str().unwrap())).collect();
    assert_eq!(pairs, [("alice", "lifted"), ("alice", "orders"), ("bob", "lifted"), ("bob", "orders")]);
    assert!(all.iter().all(|row| row["granted"] == true && row["opens"] == true), "{all:?}");
    // By what: an account that is made, or one that is there and lifted.
    let (made, existing) = (of(&all, "alice", "orders"), of(&all, "alice", "lifted"));
    assert_eq!((&made["ephemeral"], &made["account"], &made["sessions"]), (&json!(true), &Value::Null, &json!(1)));
    assert_eq!((&existing["ephemeral"], &existing["account"]), (&json!(false), &json!("app")));
    assert!(made["first"].is_string() && made["first"] == made["last"], "{made}");
    assert_eq!((&existing["sessions"], &existing["first"]), (&json!(0), &Value::Null));
    psql.leave().unwrap();
    world.all_out().unwrap();

    // What was used stays in the review when it may be used no more, and whoever is switched off is told to be.
    world.installation.must(&["user", "disable", "alice", "--reason", "left"], "").unwrap();
    let disabled = rows(&world, &["--person", "alice"]);
    assert_eq!((disabled.len(), &of(&disabled, "alice", "orders")["opens"]), (2, &json!(false)));
    assert!(of(&disabled, "alice", "lifted")["why_not"].as_str().unwrap().contains("disabled"), "{disabled:?}");
    world.installation.must(&["user", "delete", "alice", "--yes"], "").unwrap();
    let gone = rows(&world, &["--person", "alice"]);
    assert_eq!(gone.len(), 1, "only what was used is left: {gone:?}");
    assert_eq!(
        (&gone[0]["granted"], &gone[0]["opens"], &gone[0]["sessions"]),
        (&json!(false), &json!(false), &json!(1))
    );
    // Before the span nobody did anything.
    assert_eq!(rows(&world, &["--person", "alice", "--until", "2020-01-01T00:00:00Z"]), [] as [Value; 0]);
    assert_eq!(rows(&world, &["--record", "orders", "--person", "bob", "--from", "2020-01-01T00:00:00Z"]).len(), 1);

    let csv = world.installation.must(&["-o", "csv", "report", "access"], "").unwrap();
    assert!(csv.starts_with("person,record,opens,account,in,minutes,sessions,first,last,seconds,why_not\n"), "{csv}");
    assert!(csv.contains("\nalice,orders,NO,"), "{csv}");
    let pages = world.installation.json(&["report", "access", "--record", "nothing"]).unwrap();
    assert_eq!(pages["items"], json!([]));
    let wrong = world.installation.run(&["report", "access", "--from", "yesterday"]).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_right_for_good_is_told_and_a_session_is_not_among_them() {
    let world = World::new(Flavour::Newer, "CREATE ROLE old_dba LOGIN SUPERUSER;").await.unwrap();
    let lifted = Record { launch: Some("app"), ..Record::new("lifted") };
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None), (lifted, Some(&world.app))]).unwrap();
    let mut made = world.ticket("alice", "orders").unwrap().open().unwrap();
    let mut app = world.ticket("alice", "lifted").unwrap().open().unwrap();
    let account = made.query("select current_user").unwrap();
    assert!(account.starts_with("keeper_"), "{account}");
    app.query("select 1").unwrap();

    let output = world.installation.run(&["-o", "json", "report", "standing", "--record", "orders"]).unwrap();
    assert_eq!(output.status.code(), Some(12), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let accounts = answer["items"][0]["accounts"].as_array().unwrap();
    let of = |name: &str| accounts.iter().find(|found| found["account"] == name);
    assert_eq!(of("old_dba").unwrap()["rights"], json!(["SUPERUSER"]), "{answer}");
    assert_eq!(of(&world.admin.user).unwrap()["administrative"], json!(true), "{answer}");
    assert_eq!(of(&account), None, "what was made for a session does not stand: {answer}");
    let app_now = of("app").unwrap();
    assert!(app_now["session"].as_str().unwrap().starts_with("ses_"), "it is lifted for now: {answer}");
    made.leave().unwrap();
    app.leave().unwrap();
    world.all_out().unwrap();

    // A target that cannot be asked is told of, and the rest is told all the same.
    let table = world.installation.run(&["report", "standing"]).unwrap();
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.lines().any(|line| line.starts_with("orders") && line.contains("old_dba")), "{table}");
    assert!(!table.lines().any(|line| line.contains(" app ")), "lifted no more: {table}");
    world.server.stop_fast().unwrap();
    let output = world.installation.run(&["report", "standing"]).unwrap();
    assert_eq!(output.status.code(), Some(9));
    assert!(String::from_utf8_lossy(&output.stdout).contains("NOT LOOKED AT"));
}
