//! How sessions end that the person does not end: the deadline, an administrator with a reason, a person who is disabled, and a
//! target that is down when the account has to go.

use super::on_both;
use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::{Prompt, World, wait};
use mayfly_testbed::Flavour;
use std::time::Duration;

on_both!(sessions_end_when_they_end);

async fn sessions_end_when_they_end(flavour: Flavour) {
    let world = World::new(flavour, "").await.unwrap();
    let short = Record { duration: "4s", ..Record::new("short") };
    let _running = world.serve(&["alice", "bob"], &[(short, None), (Record::new("long"), None)]).unwrap();
    the_deadline(&world).await;
    an_administrator_with_a_reason(&world).await;
    a_person_who_is_disabled(&world).await;
    a_target_that_is_down(&world).await;
}

/// What a client reads when its next statement finds the session over.
fn last_words(psql: &mut Prompt) -> String {
    psql.query("select 'still here'").unwrap_err().to_string()
}

async fn the_deadline(world: &World) {
    let mut psql = world.ticket("alice", "short").unwrap().open().unwrap();
    let valid = "select rolvaliduntil > now() and rolvaliduntil < now() + interval '2 minutes' from pg_roles where rolname = current_user";
    assert_eq!(psql.query(valid).unwrap(), "t", "the target holds a deadline of its own");
    world.as_before("a session whose time was over").await.unwrap();
    let words = last_words(&mut psql);
    assert!(words.contains("this session ends in"), "a notice comes before: {words}");
    assert!(words.contains("FATAL:  the time granted for this session is over"), "{words}");
}

async fn an_administrator_with_a_reason(world: &World) {
    let mut psql = world.ticket("alice", "long").unwrap().open().unwrap();
    let id = world.installation.sessions().unwrap()[0]["id"].as_str().unwrap().to_owned();
    world.installation.must(&["sessions", "end", &id, "--reason", "the quarter is closed"], "").unwrap();
    assert_eq!(world.accounts().unwrap(), 0, "the answer comes when the account is seen to be gone");
    let words = last_words(&mut psql);
    assert!(words.contains("FATAL:  an administrator ended this session: the quarter is closed"), "{words}");
    world.as_before("a session that an administrator ended").await.unwrap();
}

async fn a_person_who_is_disabled(world: &World) {
    let ticket = world.ticket("bob", "long").unwrap();
    let mut psql = ticket.open().unwrap();
    let yaml = objects::person(&world.installation, "bob", &["short", "long"], true).unwrap();
    world.installation.must(&["apply", "-f", "-"], &yaml).unwrap();
    world.as_before("a session of a person who was disabled").await.unwrap();
    let words = last_words(&mut psql);
    assert!(words.contains("you may no longer open this"), "{words}");
    let refused = ticket.psql("select 1").unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("sign-in failed"));
}

async fn a_target_that_is_down(world: &World) {
    let mut psql = world.ticket("alice", "long").unwrap().open().unwrap();
    let account = psql.query("select current_user").unwrap();
    world.server.stop_fast().unwrap();
    assert!(psql.query("select 1").is_err());
    let owed = || Ok(!world.installation.owed()?.is_empty());
    wait::until("the account is owed", Duration::from_secs(20), owed).unwrap();
    let change = world.installation.owed().unwrap().remove(0);
    assert_eq!(change["account"], account.as_str());
    assert_ne!(change["can_log_in"], false, "nobody has seen it closed: {change}");
    let status = world.installation.json(&["status"]).unwrap();
    assert_eq!(status["cleanup_can_log_in"], 1, "{status}");
    // Nobody refers to the record any more, but the administrative credential is still needed.
    let yaml =
        ["alice", "bob"].map(|name| objects::person(&world.installation, name, &["short"], false).unwrap()).join("");
    let arguments = ["apply", "-f", "-", "--delete", "Database/long", "--delete", "User/long-admin"];
    let refused = world.installation.run_with(&arguments, &yaml).unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(10), "{words}");
    assert!(words.contains("is needed to undo"), "{words}");
    world.server.restart().unwrap();
    world.as_before("a target that was down").await.unwrap();
    world.installation.must(&arguments, &yaml).unwrap();
}
