//! The trail outside: a file and a receiver of syslog that is not ours get every entry, in order, although the receiver and the
//! server are killed in between; and it can be exported by hand.

use mayfly_e2e::{Installation, wait};
use mayfly_testbed::Rsyslog;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(40);

/// The text of `/metrics`.
pub(crate) fn metrics(installation: &Installation) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", installation.metrics_port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The value of a metric.
pub(crate) fn metric(installation: &Installation, name: &str) -> Option<f64> {
    let text = metrics(installation);
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Makes entries, each by an administrator at the local socket.
fn make_entries(installation: &Installation, count: usize) {
    for number in 0..count {
        let name = format!("t{number}");
        let answer = installation.json(&["token", "create", &name, "--scope", "read"]).unwrap();
        installation.must(&["token", "revoke", answer["id"].as_str().unwrap()], "").unwrap();
    }
}

/// The trail as the server gives it, a line an entry.
fn trail(installation: &Installation) -> Vec<String> {
    let text = installation.must(&["audit", "export", "-o", "jsonl"], "").unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What was received, each entry where it came first; what came again is left out.
fn first_ones(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

fn with_sinks(installation: &Installation, receiver: &Rsyslog) {
    let [ca, certificate, key] = receiver.credentials();
    // A private key of ours belongs to us alone.
    let own = installation.directory().join("etc/sink.key");
    std::fs::copy(key, &own).unwrap();
    let mut settings = std::fs::read_to_string(installation.config()).unwrap();
    write!(
        settings,
        "\n[[audit.sinks]]\nname = \"file\"\nfile = {:?}\n\n[[audit.sinks]]\nname = \"siem\"\nencoding = \"json\"\n\
         [audit.sinks.syslog]\naddress = \"localhost:{}\"\nca = {ca:?}\ncertificate = {certificate:?}\nkey = {{ file = {own:?} }}\n",
        installation.directory().join("audit.jsonl"),
        receiver.port(),
    )
    .unwrap();
    std::fs::write(installation.config(), settings).unwrap();
}

#[test]
fn every_entry_arrives_in_order_whatever_is_killed_in_between() {
    let installation = Installation::init().unwrap();
    let mut receiver = Rsyslog::new().unwrap();
    with_sinks(&installation, &receiver);
    let checked =
        installation.must(&["server", "check", "--config", installation.config().to_str().unwrap()], "").unwrap();
    assert!(checked.contains("audit.sinks = siem: json to syslog at localhost"), "{checked}");
    receiver.start().unwrap();
    let running = installation.start().unwrap();
    let received = |receiver: &Rsyslog| {
        let all = receiver.received().unwrap().into_iter();
        first_ones(all.map(|message| message.text.trim_start().to_owned()))
    };
    make_entries(&installation, 2);
    wait::until("the receiver has the trail", LIMIT, || Ok(received(&receiver) == trail(&installation))).unwrap();
    // The receiver is gone: nothing waits for it, and its lag grows.
    receiver.kill().unwrap();
    make_entries(&installation, 3);
    wait::until("the lag is shown", LIMIT, || {
        let behind = metric(&installation, "mayfly_sink_lag_entries{sink=\"siem\"}");
        let failures = metric(&installation, "mayfly_sink_failures_total{sink=\"siem\"}");
        Ok(behind >= Some(6.0) && failures > Some(0.0))
    })
    .unwrap();
    assert!(metric(&installation, "mayfly_sink_lag_seconds{sink=\"siem\"}").unwrap() > 0.0);
    let file = installation.directory().join("audit.jsonl");
    let in_file = || std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    wait::until("the file has the trail", LIMIT, || Ok(in_file() == trail(&installation))).unwrap();
    // So is the server; both come back, and it goes on at the cursor.
    running.kill_9().unwrap();
    receiver.start().unwrap();
    let _running = installation.start().unwrap();
    make_entries(&installation, 1);
    wait::until("the receiver has the trail", LIMIT, || Ok(received(&receiver) == trail(&installation))).unwrap();
    wait::until("the file has the trail", LIMIT, || Ok(first_ones(in_file().into_iter()) == trail(&installation)))
        .unwrap();
    assert_eq!(metric(&installation, "mayfly_sink_gaps_total{sink=\"siem\"}"), Some(0.0));
    assert!(trail(&installation).len() < receiver.received().unwrap().len() + 20);
    by_hand(&installation);
    alert_rules(&installation);
}

/// The alert rules that we ship are good to Prometheus, and speak of metrics that there are.
fn alert_rules(installation: &Installation) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/alerts.yml");
    let checked = std::process::Command::new("promtool").args(["check", "rules", path]).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let (rules, metrics) = (std::fs::read_to_string(path).unwrap(), metrics(installation));
    let words = rules.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let named: Vec<&str> = words.filter(|word| word.starts_with("mayfly_")).collect();
    assert!(named.len() >= 7, "{named:?}");
    for name in named {
        assert!(metrics.contains(&format!("\n{name}")), "{name} is not in /metrics");
    }
}

/// The other forms, and a file that the verifier takes.
fn by_hand(installation: &Installation) {
    let exported = installation.directory().join("export.jsonl");
    let path = exported.to_str().unwrap();
    installation.must(&["audit", "export", "--file", path], "").unwrap();
    let config = installation.config();
    let config = config.to_str().unwrap();
    installation.must(&["audit", "verify", "--config", config, "--export", path], "").unwrap();
    let again = installation.run(&["audit", "export", "--file", path]).unwrap();
    assert!(!again.status.success(), "a file is not written over");
    let csv = installation.must(&["audit", "export", "-o", "csv"], "").unwrap();
    assert_eq!(csv.lines().count(), trail(installation).len() + 1);
    assert!(csv.starts_with("seq,at,kind,actor,"), "{csv}");
    let cef = installation.must(&["audit", "export", "-o", "cef"], "").unwrap();
    assert!(cef.lines().all(|line| line.starts_with("CEF:0|Mayfly|Mayfly|")), "{cef}");
    let ocsf = installation.must(&["audit", "export", "-o", "ocsf"], "").unwrap();
    for line in ocsf.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["metadata"]["version"], "1.5.0");
    }
    let none = installation.must(&["audit", "export", "-o", "csv", "--until", "2020-01-01T00:00:00Z"], "").unwrap();
    assert_eq!(none.lines().count(), 1);
    let bad = installation.run(&["audit", "export", "--from", "yesterday"]).unwrap();
    assert_eq!(bad.status.code(), Some(2));
    assert_eq!(installation.run(&["ls", "-o", "cef"]).unwrap().status.code(), Some(2));
}
