//! `show`, `access` and `edit`: what is asked of the server for whom, and that an edit is one object against one revision. The
//! editor is a script.

use crate::stand_in::{Canned, StandIn};
use serde_json::{Value, json};
use std::fs;

fn problem(status: u16, code: &str) -> String {
    json!({"type": "about:blank", "title": "t", "status": status, "detail": "no", "code": code, "request_id": "r"})
        .to_string()
}

const SHOW: &str = "GET /v1/records/web01";

#[test]
fn an_administrator_sees_the_record_with_the_port_that_is_inherited() {
    let answer = json!({
        "record": "web01", "kind": "Machine", "labels": {"env": "prod"}, "host": "web01.example.com", "port": 22,
        "administrative_port": 2222, "administrative": {"user": "web01-root", "login": "mayfly", "secret": "missing"},
        "notes": ["an account made for the session"],
        "people": [{"person": "alice", "allowed": true}, {"person": "bob", "allowed": false, "why_not": "locked down"}],
    });
    let server = StandIn::start(vec![(SHOW, 200, answer.to_string())]);
    let shown = server.run(&["show", "web01"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for told in [
        "administrative port        2222 (from the rotation settings)\n",
        "NO SECRET: mayfly secret set web01-root",
        "opens for alice\n",
        "does not open for bob: locked down\n",
    ] {
        assert!(shown.stdout.contains(told), "{told} in {shown:?}");
    }
    assert_eq!(server.run(&["show", "web01", "-o", "json"]).json(), answer);
}

#[test]
fn everybody_else_signs_in_and_is_told_why_not() {
    let answer = json!({"person": "bob", "records": [
        {"record": "web01", "kind": "", "allowed": false, "why_not": "not allowed", "notes": []},
    ]});
    let answers: Vec<Canned> =
        vec![(SHOW, 403, problem(403, "not_permitted")), ("POST /v1/access", 200, answer.to_string())];
    let server = StandIn::start(answers);
    let password = server.folder.path().join("password").display().to_string();
    fs::write(&password, "correct horse battery\n").unwrap();
    let without = server.run(&["show", "web01", "--no-input"]);
    assert_eq!(without.code, Some(2), "nobody can be asked: {without:?}");
    let told = server.run(&["show", "web01", "--person", "bob", "--password-file", &password]);
    assert_eq!(told.stdout, "web01 does not open for you: not allowed\n", "{told:?}");
    let listed = server.run(&["access", "ls", "--person", "bob", "--password-file", &password]);
    assert!(listed.stdout.ends_with("web01   -     NO     not allowed\n"), "{listed:?}");
    let asked: Vec<Value> =
        server.asked().into_iter().filter(|asked| !asked.body.is_null()).map(|asked| asked.body).collect();
    assert_eq!(asked[0], json!({"person": "bob", "password": "correct horse battery", "record": "web01"}));
    assert_eq!(asked[1]["record"], Value::Null);
}

/// A server that has one user record.
fn one_user() -> StandIn {
    let listed = json!({"items": [{"kind": "User", "name": "orders-admin", "summary": ""}], "next": null});
    let done = json!({"revision": 7, "objects": [{"object": "User/orders-admin", "action": "unchanged"}], "notes": []});
    let yaml = "kind: User\nname: orders-admin\nspec:\n  login: old\n  resource: orders\n";
    StandIn::start(vec![
        ("GET /v1/objects?q=orders%2Dadmin&limit=500", 200, listed.to_string()),
        ("GET /v1/export?kind=User&name=orders%2Dadmin", 200, yaml.to_owned()),
        ("POST /v1/objects", 200, done.to_string()),
    ])
}

fn applied(server: &StandIn) -> Vec<Value> {
    server.asked().into_iter().filter(|asked| asked.what == "POST /v1/objects").map(|asked| asked.body).collect()
}

#[test]
fn what_the_editor_leaves_is_applied() {
    let server = one_user();
    let edit = |editor: &str| {
        let mut command = server.mayfly(&["record", "edit", "orders-admin"]);
        crate::stand_in::Ended::of(command.env("VISUAL", editor).env("TMPDIR", server.folder.path()).output().unwrap())
    };
    let same = edit("true");
    assert_eq!((same.code, same.stderr.as_str()), (Some(0), "nothing was changed\n"), "{same:?}");
    assert_eq!(applied(&server).len(), 1, "only asked what would be done");
    let changed = edit("sed -i s/old/new/");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let last = applied(&server).pop().unwrap();
    assert_eq!((&last["dry_run"], &last["delete"]), (&json!(false), &json!([])));
    assert!(last["documents"].as_str().unwrap().contains(r#""login":"new""#), "{last}");
    let given_up = edit("false");
    assert_eq!(given_up.code, Some(2), "{given_up:?}");
    let wrong = edit("sed -i s/login/colour/");
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("unknown field"), "{wrong:?}");
    let kept = wrong.stderr.lines().find_map(|line| line.strip_prefix("  try: mayfly apply -f ")).unwrap();
    let kept = kept.split("   (").next().unwrap();
    assert!(fs::read_to_string(kept).unwrap().contains("colour: old"), "what was typed is not lost");
}

#[test]
fn a_deletion_is_asked_about() {
    let server = one_user();
    let asked = server.run(&["record", "delete", "orders-admin"]);
    assert_eq!(asked.code, Some(2), "nobody is there to ask: {asked:?}");
    assert!(applied(&server).iter().all(|body| body["dry_run"] == true));
    let done = server.run(&["record", "delete", "orders-admin", "--yes"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "User/orders-admin is deleted\n"), "{done:?}");
    let last = applied(&server).pop().unwrap();
    assert_eq!((&last["dry_run"], &last["delete"]), (&json!(false), &json!(["User/orders-admin"])));
}
