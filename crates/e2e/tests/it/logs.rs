//! The server's log as JSON: every line of it is for a program, whatever happens.

use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use serde_json::Value;
use std::time::Duration;

/// Every line, each with what each has to have.
fn lines(log: &str) -> Vec<Value> {
    let read = |line: &str| -> Value {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| read[name].as_str().unwrap_or_else(|| panic!("no `{name}`: {line}"));
        assert!(text("timestamp").ends_with('Z') && text("timestamp").contains('T'), "{line}");
        assert!(["ERROR", "WARN", "INFO"].contains(&text("level")), "{line}");
        assert!(text("message").starts_with(|first: char| first.is_uppercase()), "{line}");
        assert!(text("target").starts_with("mayfly"), "whose line is it: {line}");
        read
    };
    // The last one may be being written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_log_in_json_is_json_and_says_what_failed_in_error() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let config = world.installation.config();
    let settings = std::fs::read_to_string(&config).unwrap();
    assert!(settings.contains("format = \"text\""), "{settings}");
    std::fs::write(&config, settings.replace("format = \"text\"", "format = \"json\"")).unwrap();
    let running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    let mut psql = ticket.open().unwrap();
    psql.query("select 1").unwrap();
    // The target goes away in mid-session: the session ends, and its account cannot be removed.
    world.server.stop_fast().unwrap();
    drop(psql);
    let failed = || Ok(lines(&world.installation.log()).iter().any(|line| line["error"].is_string()));
    wait::until("what failed is told", Duration::from_secs(60), failed).unwrap();
    assert!(!ticket.psql("select 1").unwrap().status.success());
    world.server.restart().unwrap();
    world.all_out().unwrap();
    running.stop().unwrap();
    let log = lines(&world.installation.log());
    let told = |line: &Value| line["level"] != "INFO" && line["error"].as_str().is_some_and(|error| !error.is_empty());
    assert!(log.iter().any(told), "{log:#?}");
    // Nobody looks for what failed under another name.
    for line in &log {
        for name in ["err", "failure", "cause", "trouble", "text"] {
            assert!(line[name].is_null(), "`{name}` instead of `error`: {line}");
        }
    }
}
