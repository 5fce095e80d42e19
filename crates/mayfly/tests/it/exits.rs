//! Exit codes and problems: each code of `docs/cli.md` at least once, and nothing on standard output with any failure.

use crate::stand_in::{Ended, StandIn, mayfly};
use serde_json::{Value, json};

fn problem(code: &str) -> String {
    json!({
        "type": "about:blank", "title": "title", "status": 400, "detail": format!("what is {code}"), "code": code,
        "request_id": "req_7", "next": ["mayfly status"],
    })
    .to_string()
}

#[test]
fn each_problem_has_its_exit_code_and_passes_through_as_json() {
    let expected = [
        ("invalid", 2),
        ("sign_in", 3),
        ("locked", 3),
        ("not_permitted", 4),
        ("not_found", 5),
        ("target_failed", 9),
        ("conflict", 10),
        ("busy", 10),
        ("server", 1),
    ];
    for (code, exit) in expected {
        let server = StandIn::start(vec![("GET /v1/status", 400, problem(code))]);
        let ended = server.run(&["status", "-o", "json"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(exit), ""), "{code}");
        let told: Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!(told, serde_json::from_str::<Value>(&problem(code)).unwrap());
        let ended = server.run(&["status"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(exit), ""), "{code}");
        assert!(ended.stderr.starts_with(&format!("error: what is {code}\n  try: mayfly status\n")), "{ended:?}");
    }
}

#[test]
fn without_a_server_the_way_to_one_is_told() {
    let ended = Ended::of(mayfly(&["ls", "--socket", "/nowhere/mayfly.sock"]).output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        ended.stderr,
        "error: no server answers at /nowhere/mayfly.sock: is it running? (`mayfly server run`)\n       \
         a server that listens elsewhere is named with --socket or MAYFLY_SOCKET\n"
    );
}

#[test]
fn what_is_not_an_answer_of_ours_is_an_unexpected_failure() {
    for (status, body) in [(200, "<html>"), (200, "{\"version\":1}"), (404, "<html>"), (200, "")] {
        let server = StandIn::start(vec![("GET /v1/status", status, body.to_owned())]);
        let ended = server.run(&["status"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{body}");
        assert!(ended.stderr.contains("another program or another version"), "{ended:?}");
    }
}

#[test]
fn a_wrong_command_line_is_a_problem_too_where_json_is_wanted() {
    for arguments in [&["secret", "set", "../x"][..], &["sessions", "end", "a/b"], &["connect", "x", "--valid", "soon"]]
    {
        let ended = Ended::of(mayfly(arguments).output().unwrap());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        let ended = Ended::of(mayfly(arguments).env("MAYFLY_OUTPUT", "json").output().unwrap());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        let told: Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!(told["code"], "invalid");
    }
}

#[test]
fn no_input_never_asks() {
    let server = StandIn::start(Vec::new());
    let ended = server.run(&["secret", "set", "orders-admin", "--no-input"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("--secret-file FILE"), "{ended:?}");
    let ended = Ended::of(
        server.mayfly(&["connect", "orders", "--person", "alice"]).env("MAYFLY_NO_INPUT", "1").output().unwrap(),
    );
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--password-file FILE"), "{ended:?}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_session_that_is_not_seen_to_be_gone_is_a_failure_of_the_target() {
    let owed = json!({
        "id": "chg_1", "kind": "account", "session": "ses_1", "held_by": [], "target": "linux/x", "endpoint": "web01:22",
        "account": "keeper_1", "group": null, "state": "withdrawing", "since": "2026-01-01T00:00:00Z", "can_log_in": null,
        "tries": 0, "next_try": null, "failure_class": null, "failure": null,
    });
    let answer = json!({"id": "ses_1", "clean": false, "owed": [owed]}).to_string();
    let server = StandIn::start(vec![("POST /v1/sessions/ses_1/end", 200, answer)]);
    let ended = server.run(&["sessions", "end", "ses_1", "--reason", "lunch"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(9), ""));
    assert!(ended.stderr.contains("account keeper_1 at web01:22: can still log in: not known\n"), "{ended:?}");
    assert!(ended.stderr.contains("try: mayfly cleanup ls"), "{ended:?}");
    assert_eq!(server.asked()[0].body, json!({"reason": "lunch"}));
}

#[test]
fn a_trail_that_does_not_verify_is_exit_code_11() {
    let folder = tempfile::tempdir().unwrap();
    let (export, checkpoint) = (folder.path().join("trail"), folder.path().join("checkpoints"));
    std::fs::write(&export, "{}\n").unwrap();
    std::fs::write(&checkpoint, "mayfly/ins_0123456789abcdef\n1\nAAAA\nat_us 1\n\n— x AAAA\n\n").unwrap();
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let arguments = ["audit", "verify", "--key", key, "--export"];
    let mut command = mayfly(&arguments);
    let ended = Ended::of(command.arg(&export).arg("--checkpoint").arg(&checkpoint).output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(11), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("error: "), "{ended:?}");
}

#[test]
fn an_unready_server_is_exit_code_12() {
    let status = |ready: bool| {
        let unready: &[&str] = if ready { &[] } else { &["the disk is full"] };
        json!({
            "version": "0.1.0", "installation": "ins_1", "run": "run_1", "ready": ready, "unready": unready, "sessions": 1,
            "cleanup_pending": 0, "cleanup_can_log_in": 0, "administrator": true,
        })
        .to_string()
    };
    for (ready, exit) in [(true, 0), (false, 12)] {
        let server = StandIn::start(vec![("GET /v1/status", 200, status(ready))]);
        let ended = server.run(&["status"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(exit), ""));
        assert!(ended.stdout.contains(if ready { "ready         yes" } else { "NO: the disk is full" }), "{ended:?}");
    }
}
