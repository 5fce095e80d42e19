//! Completion as bash does it: the script that `completions bash` prints is read by a real bash, which then calls the function
//! that it has registered.

use crate::stand_in::{Ended, StandIn, mayfly};
use serde_json::json;
use std::process::Command;

fn listed(names: &[(&str, &str)]) -> String {
    let items: Vec<_> = names.iter().map(|(kind, name)| json!({"kind": kind, "name": name, "summary": ""})).collect();
    json!({"items": items, "next": null}).to_string()
}

/// What bash offers for the last of these words.
fn offered(server: &StandIn, words: &[&str]) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_mayfly")).parent().unwrap();
    let script = "source <(mayfly completions bash)\nCOMP_WORDS=(\"$@\")\nCOMP_CWORD=$(($# - 1))\nCOMP_TYPE=9\n\
                  f=$(complete -p mayfly | sed 's/.*-F \\([^ ]*\\) .*/\\1/')\n\
                  $f mayfly \"${!#}\" \"\"\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile", "-c", script, "bash"]).args(words).env_clear();
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    command.env("MAYFLY_SOCKET", server.socket()).env("HOME", server.folder.path());
    let ended = Ended::of(command.output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

const LIST: &str = "GET /v1/objects?limit=500";

#[test]
fn names_are_offered_and_asked_for_once_a_minute() {
    let objects = listed(&[
        ("Machine", "web01"),
        ("Machine", "web02"),
        ("Database", "orders"),
        ("Person", "walter"),
        ("User", "w"),
    ]);
    let server = StandIn::start(vec![(LIST, 200, objects)]);
    assert_eq!(offered(&server, &["mayfly", "ssh", "w"]), ["web01", "web02"]);
    assert_eq!(offered(&server, &["mayfly", "connect", "o"]), ["orders"]);
    assert_eq!(offered(&server, &["mayfly", "user", "disable", ""])[..1], ["walter"]);
    assert_eq!(offered(&server, &["mayfly", "secret", "set", "w"]), ["w"]);
    assert_eq!(offered(&server, &["mayfly", "apply", "--delete", "Machine/web02"]), ["Machine/web02"]);
    assert_eq!(offered(&server, &["mayfly", "scp", "web02"]), ["web02:"]);
    assert!(offered(&server, &["mayfly", "ss"]).contains(&"ssh".to_owned()), "verbs too");
    assert_eq!(server.asked().len(), 1, "the others came from the cache: {:?}", server.asked());
}

#[test]
fn nothing_is_offered_where_the_server_does_not_tell() {
    let refused = json!({"type": "about:blank", "title": "t", "status": 403, "detail": "no", "code": "not_permitted", "request_id": "r"});
    let answer = json!({
        "user": "alice~web01", "secret": "s", "expires_at": "2026-01-01T08:00:00Z", "host": "gw", "port": 22,
        "protocol": "ssh", "ca_pem": "", "known_hosts": "x", "notes": [],
    });
    let server = StandIn::start(vec![(LIST, 403, refused.to_string()), ("POST /v1/connect", 200, answer.to_string())]);
    assert_eq!(offered(&server, &["mayfly", "ssh", "w"]), [""; 0]);
    let password = server.folder.path().join("password");
    std::fs::write(&password, "x\n").unwrap();
    let connected =
        server.run(&["connect", "web01", "--person", "alice", "--password-file", &password.display().to_string()]);
    assert_eq!(connected.code, Some(0), "{connected:?}");
    assert_eq!(offered(&server, &["mayfly", "ssh", "w"]), ["web01"], "where one has been is remembered");
}

#[test]
fn each_shell_gets_a_script_that_calls_the_program() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = Ended::of(mayfly(&["completions", shell]).output().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("COMPLETE") && ended.stdout.contains("mayfly"), "{shell}: {ended:?}");
    }
}
