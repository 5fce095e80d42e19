//! The server's log as JSON: every line of it is for a program, whatever happens.

use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, World, wait};
use mayfly_testbed::Flavour;
use serde_json::Value;
use std::process::Command;
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
        // A key that comes twice is lost to most programs: each span has one name, the innermost stands there by itself too.
        let spans = read["spans"].as_array().map_or(0, Vec::len);
        assert_eq!(line.matches("\"name\":").count(), if spans == 0 { 0 } else { spans + 1 }, "{line}");
        read
    };
    // The last one may be being written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(read).collect()
}

fn log_json(installation: &Installation) {
    let config = installation.config();
    let settings = std::fs::read_to_string(&config).unwrap();
    assert!(settings.contains("format = \"text\""), "{settings}");
    std::fs::write(&config, settings.replace("format = \"text\"", "format = \"json\"")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_log_in_json_is_json_and_says_what_failed_in_error() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    log_json(&world.installation);
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

/// The lines that a request brought about.
fn of_trace(installation: &Installation, trace: &str) -> Vec<Value> {
    lines(&installation.log()).into_iter().filter(|line| line["trace_id"] == trace).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_an_answer_is_found_in_the_log_by_its_trace() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let installation = &world.installation;
    log_json(installation);
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    // A caller who has a trace keeps it, with and without an idempotency key; one who sends nonsense gets another.
    let token = installation.json(&["token", "create", "ci", "--scope", "records"]).unwrap();
    let asked = |headers: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--max-time", "30", "--data", "{", "--cacert"]).arg(installation.ca());
        curl.arg("--header").arg(format!("Authorization: Bearer {}", token["secret"].as_str().unwrap()));
        for header in headers {
            curl.args(["--header", header]);
        }
        curl.arg(format!("https://localhost:{}/v1/records/orders/check", installation.https_port));
        let answer = String::from_utf8(curl.output().unwrap().stdout).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let header = head.lines().find_map(|line| line.strip_prefix("traceresponse: 00-")).unwrap();
        let problem: Value = serde_json::from_str(body).unwrap();
        assert_eq!(header[..32], *problem["trace_id"].as_str().unwrap(), "{answer}");
        let found = of_trace(installation, &header[..32]);
        assert!(found.iter().any(|line| line["request_id"] == problem["request_id"]), "{found:?}");
        header[..32].to_owned()
    };
    let parent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01");
    assert_eq!(asked(&[&parent]), TRACE);
    assert_eq!(asked(&[&parent, "Idempotency-Key: 1"]), TRACE);
    assert_ne!(asked(&[&parent.to_uppercase()]), asked(&[]));
    // What the command line prints after a failure leads to the log.
    world.server.stop_fast().unwrap();
    let failed = installation.run(&["record", "check", "orders"]).unwrap();
    let told = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(9), "{told}");
    let trace = told.trim_end().rsplit_once("\n  in the server's log: trace ").unwrap().1;
    let found = of_trace(installation, trace);
    assert!(found.iter().any(|line| line["message"] == "A request was refused"), "{told}: {found:?}");
}
