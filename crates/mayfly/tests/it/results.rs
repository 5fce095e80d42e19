//! What verbs print when they succeed, in each format, and what they send.

use crate::stand_in::StandIn;
use serde_json::{Value, json};

fn listed(name: &str) -> Value {
    json!({"kind": "Database", "name": name, "labels": {"env": "prod"}, "summary": "db1:5432", "has_secret": null})
}

fn two_pages() -> StandIn {
    StandIn::start(vec![
        ("GET /v1/objects?limit=500", 200, json!({"items": [listed("orders")], "next": "a/b"}).to_string()),
        ("GET /v1/objects?limit=500&after=a%2Fb", 200, json!({"items": [listed("web")], "next": null}).to_string()),
    ])
}

#[test]
fn a_list_is_whole_in_every_format() {
    let server = two_pages();
    let table = "KIND      NAME    SECRET  LABELS    SUMMARY\n\
                 Database  orders  -       env=prod  db1:5432\n\
                 Database  web     -       env=prod  db1:5432\n";
    assert_eq!(server.run(&["ls"]).stdout, table);
    assert_eq!(
        server.run(&["ls", "-o", "json"]).json(),
        json!({"items": [listed("orders"), listed("web")], "next": null})
    );
    assert_eq!(server.run(&["ls", "-o", "name"]).stdout, "orders\nweb\n");
    let lines = server.run(&["ls", "-o", "jsonl", "WEB"]).stdout;
    assert_eq!(lines.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&lines).unwrap(), listed("web"));
    let ended = server.run(&["ls", "-k", "user"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_eq!(ended.stderr, "no object fits: `mayfly ls` shows all\n");
    assert_eq!(server.run(&["ls", "-q", "-k", "user"]).stderr, "");
}

#[test]
fn results_and_failures_are_yaml_where_that_is_wanted() {
    let server = two_pages();
    assert_eq!(
        server.run(&["ls", "-o", "yaml", "WEB"]).stdout,
        "items:\n- has_secret: null\n  kind: Database\n  labels:\n    env: prod\n  name: web\n  summary: db1:5432\nnext: null\n"
    );
    let ended = server.run(&["show", "../x", "-o", "yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("title: invalid input\n") && ended.stderr.contains("code: invalid\n"), "{ended:?}");
}

#[test]
fn one_entry_of_the_trail_is_shown_whole() {
    let entry =
        r#"{"at_us":1764000000000001,"detail":{"b":"2"},"kind":"session.started","reason":"why\nnot","seq":12}"#;
    let answer = |entries: &[&str]| json!({"size": 13, "entries": entries}).to_string();
    let server = StandIn::start(vec![
        ("GET /v1/audit?from=12&limit=1", 200, answer(&[entry])),
        ("GET /v1/audit?from=99&limit=1", 200, answer(&[])),
    ]);
    assert_eq!(
        server.run(&["audit", "show", "12"]).stdout,
        "at      2025-11-24T16:00:00.000001Z\nat_us   1764000000000001\nb       2\nkind    session.started\n\
         reason  why\\u{a}not\nseq     12\n"
    );
    assert_eq!(server.run(&["audit", "show", "12", "-o", "jsonl"]).stdout, format!("{entry}\n"));
    assert_eq!(server.run(&["audit", "show", "12", "-o", "json"]).json()["detail"]["b"], "2");
    let ended = server.run(&["audit", "show", "99"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(5), ""), "{ended:?}");
    assert!(ended.stderr.contains("has 13, the first of which is 0"), "{ended:?}");
}

#[test]
fn text_from_a_target_commands_no_terminal() {
    let owed = json!({
        "id": "chg_1", "kind": "account", "session": "ses_1", "held_by": [], "target": "t", "endpoint": "db1:5432",
        "account": "a\u{1b}[2J\u{9b}1m", "group": null, "state": "withdrawing", "since": "2026-01-01T00:00:00Z",
        "can_log_in": null, "tries": 3, "next_try": null, "failure_class": "unreachable", "failure": "no\nroute",
    });
    let page = json!({"items": [owed], "next": null}).to_string();
    let server = StandIn::start(vec![
        ("GET /v1/cleanup?limit=500", 200, page),
        ("GET /v1/cleanup/chg_1", 200, owed.to_string()),
        ("POST /v1/cleanup/chg_1/retry", 200, owed.to_string()),
    ]);
    let ended = server.run(&["cleanup", "ls"]);
    assert!(ended.stdout.ends_with("not known   a\\u{1b}[2J\\u{9b}1m  db1:5432  3      no\\u{a}route\n"), "{ended:?}");
    let shown = server.run(&["cleanup", "show", "chg_1"]).stdout;
    assert!(shown.contains("failure class  unreachable\nfailure        no\\u{a}route\n"), "{shown}");
    let ended = server.run(&["cleanup", "retry", "chg_1"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(9), ""));
    assert!(ended.stderr.starts_with("error: chg_1 was tried and is still owed: no"), "{ended:?}");
}

#[test]
fn a_check_prints_its_statements_and_tells_by_its_code_whether_any_is_needed() {
    let finding = |level: &str, fix: &[&str]| json!({"level": level, "what": format!("this is {level}"), "fix": fix});
    let answer = |findings: &[Value]| json!({"record": "orders", "findings": findings, "if_destroyed": "it ends"});
    let bad = answer(&[
        finding("ok", &[]),
        finding("missing", &["GRANT a TO b;", "GRANT c TO d;"]),
        finding("excess", &["REVOKE e FROM b;"]),
        finding("not_tried", &[]),
    ]);
    let server = StandIn::start(vec![("POST /v1/records/orders/check", 200, bad.to_string())]);
    let ended = server.run(&["record", "check", "orders", "--from", "127.0.0.2"]);
    assert_eq!(ended.code, Some(12));
    assert_eq!(
        ended.stdout,
        "✓ this is ok\n✗ missing: this is missing\n      GRANT a TO b;\n      GRANT c TO d;\n\
         ✗ in excess: this is excess\n      REVOKE e FROM b;\n! not tried: this is not_tried\n\n\
         if Mayfly is destroyed now: it ends\norders: 1 as it should be, 1 missing, 1 in excess, 1 not tried\n"
    );
    assert_eq!(server.asked()[0].body, json!({"second_address": "127.0.0.2"}));
    assert_eq!(server.run(&["record", "check", "orders", "-o", "json"]).json(), bad);
    let good = answer(&[finding("ok", &[]), finding("not_tried", &[])]).to_string();
    let server = StandIn::start(vec![("POST /v1/records/orders/check", 200, good)]);
    assert_eq!(server.run(&["record", "check", "orders"]).code, Some(0));
}

#[test]
fn secrets_come_from_files_and_standard_input_only() {
    let server = StandIn::start(vec![("PUT /v1/secrets/orders-admin", 200, "null".to_owned())]);
    let ended = server.run_with_input(&["secret", "set", "orders-admin", "--secret-file", "-"], "s3cret\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "the secret of orders-admin is set\n"));
    assert_eq!(server.asked()[0].what, "PUT /v1/secrets/orders-admin");
    assert_eq!(server.asked()[0].body, json!({"secret": "s3cret"}));
    assert!(!format!("{ended:?}").contains("s3cret"));
}

#[test]
fn a_password_becomes_a_hash_and_is_not_shown() {
    let server = StandIn::start(Vec::new());
    let ended = server.run_with_input(&["user", "passwd"], "correct horse battery\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("$argon2id$v=19$") && ended.stdout.lines().count() == 1, "{ended:?}");
    let ended = server.run_with_input(&["user", "passwd"], "short\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("at least 15 characters"), "{ended:?}");
}

#[test]
fn objects_are_judged_before_they_are_sent() {
    let answer = json!({
        "revision": 2, "notes": ["set a secret"],
        "objects": [{"object": "Person/alice", "action": "created"}, {"object": "Person/bob", "action": "deleted"}],
    });
    let server = StandIn::start(vec![("POST /v1/objects", 200, answer.to_string())]);
    let person = "kind: Person\nname: alice\nspec: {may_launch: []}\n";
    let ended = server.run_with_input(&["apply", "-f", "-", "--delete", "Person/bob"], person);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "OBJECT        DONE\nPerson/alice  created\nPerson/bob    deleted\n! set a secret\n");
    assert_eq!(server.asked()[0].body["delete"], json!(["Person/bob"]));
    let ended = server.run_with_input(&["apply", "-f", "-"], &format!("{person}colour: red\n"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("line 4: Person/alice: colour"), "{ended:?}");
    assert_eq!(server.asked().len(), 1, "what is wrong is not sent");
    assert_eq!(server.run(&["apply"]).code, Some(2));
}

#[test]
fn the_trail_is_exported_byte_for_byte() {
    let entries = [r#"{"at_us":1,"kind":"a.b","seq":0}"#, r#"{"at_us":2,"kind":"c.d","seq":1}"#];
    let answer = |entries: &[&str]| json!({"size": 2, "entries": entries}).to_string();
    let server = StandIn::start(vec![
        ("GET /v1/audit?limit=0", 200, answer(&entries[1..])),
        ("GET /v1/audit?from=0&limit=2", 200, answer(&entries)),
        ("GET /v1/audit?from=1&limit=1", 200, answer(&entries[1..])),
    ]);
    assert_eq!(server.run(&["audit", "tail", "-n", "all", "-o", "jsonl"]).stdout, entries.join("\n") + "\n");
    assert_eq!(server.run(&["audit", "tail", "-n", "1", "-o", "name"]).stdout, "1\n");
    assert_eq!(server.run(&["audit", "tail", "-o", "json"]).json()["items"][1]["kind"], "c.d");
    assert_eq!(
        server.run(&["audit", "tail", "-n", "1"]).stdout,
        "     1  1970-01-01T00:00:00.000Z  c.d                     \n"
    );
    assert_eq!(server.run(&["audit", "tail", "-f", "-o", "json"]).code, Some(2));
}
