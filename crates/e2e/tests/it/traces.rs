//! Traces of sessions, as a receiver that is not ours decodes them: one trace for each session, whole also across a kill, and nothing that
//! waits for a receiver. Debian 12 has no OpenTelemetry collector; a small receiver with OpenTelemetry's own decoder stands in for one.

use crate::sinks::metric;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, World, wait};
use mayfly_testbed::{Flavour, TraceReceiver};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
const DROPPED: &str = "mayfly_trace_spans_dropped_total";
/// The steps of a session with an account that was made for it and owns nothing.
const STEPS: [&str; 13] = [
    "session",
    "sign-in",
    "decision",
    "survey",
    "commit",
    "create",
    "log-in",
    "ready",
    "end",
    "disable",
    "end-sessions",
    "remove",
    "look",
];

/// A span as it was received.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    from: u64,
    until: u64,
    failed: bool,
    attributes: BTreeMap<String, String>,
}

impl Span {
    fn read(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let attributes = value["attributes"].as_array().unwrap().iter().map(|one| {
            let value = one["value"]["stringValue"].as_str().unwrap();
            (one["key"].as_str().unwrap().to_owned(), value.to_owned())
        });
        Self {
            trace: text("traceId"),
            id: text("spanId"),
            parent: text("parentSpanId"),
            name: text("name"),
            from: text("startTimeUnixNano").parse().unwrap(),
            until: text("endTimeUnixNano").parse().unwrap(),
            failed: value["status"]["code"] == "STATUS_CODE_ERROR",
            attributes: attributes.collect(),
        }
    }
}

/// What a receiver has taken.
fn taken(receiver: &TraceReceiver) -> Vec<Span> {
    let mut spans = Vec::new();
    for seen in receiver.received().unwrap() {
        assert!(seen["fault"].is_null() && seen["path"] == "/v1/traces", "{seen}");
        assert_eq!(seen["headers"]["content-type"], "application/x-protobuf");
        if seen["status"] != 200 {
            continue;
        }
        for told in seen["request"]["resourceSpans"].as_array().unwrap() {
            let resource = told["resource"].to_string();
            assert!(resource.contains("service.name") && resource.contains("\"mayfly\""), "{resource}");
            let scopes = told["scopeSpans"].as_array().unwrap().iter();
            spans.extend(scopes.flat_map(|scope| scope["spans"].as_array().unwrap()).map(Span::read));
        }
    }
    spans
}

/// The spans of a session, once the whole of it has been told.
fn of_session(receiver: &TraceReceiver, session: &str) -> Vec<Span> {
    let found = || -> Vec<Span> {
        let mine = |span: &Span| span.attributes["mayfly.session"] == session;
        taken(receiver).into_iter().filter(mine).collect()
    };
    wait::until("the whole session is told", LIMIT, || Ok(found().iter().any(|span| span.name == "session"))).unwrap();
    found()
}

/// All belong to one trace, and all but the whole to the whole, within which they lie.
fn assert_one_trace(spans: &[Span]) {
    let wholes: Vec<_> = spans.iter().filter(|span| span.name == "session").collect();
    let [whole] = wholes[..] else { panic!("{spans:#?}") };
    assert_eq!(whole.parent, "");
    for span in spans {
        assert_eq!(span.trace, whole.trace, "{span:#?}");
        assert!(span.from <= span.until && span.until <= whole.until, "{span:#?} {whole:#?}");
        if span.name != "session" {
            assert_eq!(span.parent, whole.id, "{span:#?}");
        }
    }
}

fn has_all(spans: &[Span], steps: &[&str]) {
    for step in steps {
        assert!(spans.iter().any(|span| span.name == *step), "{step} is not among {spans:#?}");
    }
}

fn send_to(installation: &Installation, traces: &str) {
    let config = installation.config();
    let mut settings = std::fs::read_to_string(&config).unwrap();
    write!(settings, "\n[traces]\n{traces}\n").unwrap();
    std::fs::write(&config, settings).unwrap();
}

/// The one session that runs.
fn running_session(installation: &Installation) -> String {
    let sessions = installation.sessions().unwrap();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_one_trace_also_when_the_server_is_killed_in_it() {
    const TOKEN: &str = "Bearer canary-5f1d0c";
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let (installation, receiver) = (&world.installation, TraceReceiver::start().unwrap());
    let token = installation.directory().join("etc/collector.token");
    std::fs::write(&token, TOKEN).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (port, ca) = (receiver.port(), receiver.ca());
    let headers = format!("{{ authorization = {{ file = {token:?} }} }}");
    send_to(installation, &format!("otlp = \"https://localhost:{port}\"\nca = {ca:?}\nheaders = {headers}"));
    let lifting = Record { launch: Some("launch"), linger: "0s", ..Record::new("lifted") };
    let records = [(Record::new("orders"), None), (lifting, Some(&world.app))];
    let running = world.serve(&["alice"], &records).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();

    let mut psql = ticket.open().unwrap();
    psql.query("select 'statement-9d2e'").unwrap();
    let whole = running_session(installation);
    drop(psql);
    world.all_out().unwrap();
    let spans = of_session(&receiver, &whole);
    assert_one_trace(&spans);
    has_all(&spans, &STEPS);
    assert!(spans.iter().all(|span| !span.failed && span.attributes["mayfly.outcome"] == "done"), "{spans:#?}");
    let session = spans.iter().find(|span| span.name == "session").unwrap();
    assert!(spans.iter().all(|span| session.from <= span.from), "it begins when somebody asks: {spans:#?}");
    assert_eq!(session.attributes["mayfly.record"], "orders");
    assert_eq!(session.attributes["mayfly.end"], "stopped");
    for span in spans.iter().filter(|span| ["survey", "create", "remove"].contains(&&*span.name)) {
        assert_eq!(span.attributes["mayfly.target.kind"], "postgresql", "{span:#?}");
    }

    // An account that exists is lowered again, which belongs to whoever was the last to hold it.
    let mut psql = world.ticket("alice", "lifted").unwrap().open().unwrap();
    let lifted = running_session(installation);
    psql.query("select 1").unwrap();
    drop(psql);
    world.all_out().unwrap();
    let spans = of_session(&receiver, &lifted);
    assert_one_trace(&spans);
    has_all(&spans, &["survey", "commit", "create", "log-in", "ready", "end", "withdraw", "end-sessions", "look"]);
    let kinds = spans.iter().filter_map(|span| span.attributes.get("mayfly.change.kind"));
    assert!(kinds.clone().count() > 0 && kinds.clone().all(|kind| kind == "membership"), "{spans:#?}");

    // Another one, in which the server is killed: the next run tells of the way out in the same trace.
    let mut psql = ticket.open().unwrap();
    psql.query("select 1").unwrap();
    let cut = running_session(installation);
    let launched = || Ok(taken(&receiver).iter().any(|s| s.name == "ready" && s.attributes["mayfly.session"] == cut));
    wait::until("the launch is told", LIMIT, launched).unwrap();
    running.kill_9().unwrap();
    drop(psql);
    let running = installation.start().unwrap();
    world.all_out().unwrap();
    let spans = of_session(&receiver, &cut);
    assert_one_trace(&spans);
    has_all(&spans, &STEPS);
    let session = spans.iter().find(|span| span.name == "session").unwrap();
    assert_eq!(session.attributes["mayfly.end"], "server_lost");
    assert_ne!(cut, whole);

    // A session that is ended by the server's stop is told before the server is gone.
    let mut psql = ticket.open().unwrap();
    psql.query("select 1").unwrap();
    let last = running_session(installation);
    running.stop().unwrap();
    let mine = |span: &Span| span.attributes["mayfly.session"] == last && span.name == "session";
    assert!(taken(&receiver).iter().any(mine), "{}", installation.log());

    // The receiver is told who tells, and nobody reads what a session did, or the header anywhere else.
    let all = receiver.received().unwrap();
    assert!(all.iter().all(|seen| seen["headers"]["authorization"] == TOKEN));
    let told = all.iter().map(|seen| seen["request"].to_string()).collect::<String>();
    for secret in [TOKEN, ticket.secret.as_str(), "statement-9d2e", "select"] {
        assert!(!told.contains(secret), "{secret}");
    }
    assert!(!installation.log().contains(TOKEN));
}

/// Nothing waits for a receiver that is away, refuses, or asks to come back later; what it was not given is counted.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_without_a_receiver_and_what_is_dropped_is_counted() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let (installation, receiver) = (&world.installation, TraceReceiver::start_plain().unwrap());
    send_to(installation, &format!("otlp = \"http://127.0.0.1:{}\"", receiver.port()));
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    let dropped = || metric(installation, DROPPED).unwrap();
    let visit = || {
        let mut psql = ticket.open().unwrap();
        psql.query("select 1").unwrap();
        let session = running_session(installation);
        drop(psql);
        world.all_out().unwrap();
        session
    };
    // Busy for a while: the same is sent again and arrives once.
    receiver.answer("503 1").unwrap();
    let session = visit();
    wait::until("it was told to come back", LIMIT, || Ok(!receiver.received().unwrap().is_empty())).unwrap();
    receiver.answer("200").unwrap();
    let spans = of_session(&receiver, &session);
    assert_one_trace(&spans);
    has_all(&spans, &STEPS);
    assert!(dropped().abs() < f64::EPSILON, "{}", dropped());
    // What is refused for good is not sent again, but counted.
    receiver.answer("400").unwrap();
    visit();
    wait::until("what was refused is counted", LIMIT, || Ok(dropped() >= 1.0)).unwrap();
    // It is away: sessions come and go, and what was not delivered is counted in the end.
    let before = dropped();
    drop(receiver);
    visit();
    visit();
    wait::until("what was not delivered is counted", LIMIT, || Ok(dropped() > before)).unwrap();
    assert!(installation.log().contains("Traces are not taken and are dropped until they are"));
}
