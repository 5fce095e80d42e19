//! A request that is sent again, and a client that comes back to the stream of events, with curl as the client.

use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, World, objects, wait};
use mayfly_testbed::Flavour;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn token(installation: &Installation, name: &str, scopes: &str) -> String {
    let answer = installation.json(&["token", "create", name, "--scope", scopes]).unwrap();
    answer["secret"].as_str().unwrap().to_owned()
}

fn curl(installation: &Installation, token: &str, path: &str) -> Command {
    let mut command = Command::new("curl");
    command.arg("--silent").arg("--cacert").arg(installation.ca());
    command.arg("--header").arg(format!("Authorization: Bearer {token}"));
    command.arg(format!("https://localhost:{}{path}", installation.https_port));
    command
}

/// A POST with this key; the status and the body of the answer.
fn post(installation: &Installation, token: &str, key: &str, (path, body): (&str, &str)) -> (u16, String) {
    let mut command = curl(installation, token, path);
    command.args(["--header", "Content-Type: application/json", "--header", &format!("Idempotency-Key: {key}")]);
    command.args(["--write-out", "\n%{http_code}", "--data", body]);
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// How often somebody was switched off, as the trail says.
fn switched_off(installation: &Installation) -> usize {
    let trail = installation.must(&["-o", "jsonl", "audit", "tail", "-n", "all"], "").unwrap();
    trail.matches("\"person.disabled\"").count()
}

#[test]
fn a_request_with_the_same_key_is_done_once_also_after_a_kill() {
    let installation = Installation::init().unwrap();
    let server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &[], false).unwrap();
    installation.must(&["apply", "-f", "-"], &alice).unwrap();
    let (first, second) = (token(&installation, "first", "objects"), token(&installation, "second", "objects"));
    let switch_off = ("/v1/people/alice/disable", r#"{"reason":"gone"}"#);

    let (status, answer) = post(&installation, &first, "key-1", switch_off);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(switched_off(&installation), 1);
    installation.must(&["user", "enable", "alice"], "").unwrap();
    drop(server);
    let _server = installation.start().unwrap();
    assert_eq!(post(&installation, &first, "key-1", switch_off), (200, answer), "the answer of before");
    assert_eq!(switched_off(&installation), 1, "and nothing was done");

    let (status, refused) = post(&installation, &first, "key-1", ("/v1/people/alice/disable", r#"{"reason":"other"}"#));
    assert!(status == 422 && refused.contains("another request"), "{status} {refused}");
    let (status, refused) = post(&installation, &first, &"x".repeat(256), switch_off);
    assert!(status == 422 && refused.contains("1 to 255"), "{status} {refused}");
    assert_eq!(post(&installation, "mayfly_pat_0_0", "key-1", switch_off).0, 401, "no answer for a stranger");
    assert_eq!(post(&installation, &second, "key-1", switch_off).0, 200, "a key of another caller is another key");
    assert_eq!(switched_off(&installation), 2, "and is done");

    // What failed is tried again, and a token that was taken back gets no answer of before.
    let nobody = ("/v1/people/nobody/disable", "{}");
    assert_eq!(post(&installation, &first, "key-2", nobody).0, 404);
    let person = objects::person(&installation, "nobody", &[], false).unwrap();
    installation.must(&["apply", "-f", "-"], &person).unwrap();
    assert_eq!(post(&installation, &first, "key-2", nobody).0, 200);
    let tokens = installation.list(&["token", "ls"]).unwrap();
    let id = tokens.iter().find(|token| token["name"] == "first").unwrap()["id"].as_str().unwrap();
    installation.must(&["token", "revoke", id], "").unwrap();
    assert_eq!(post(&installation, &first, "key-2", nobody).0, 401);
}

/// Whoever gives up waiting has not taken anything back: it is finished, and its answer is there for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_finished_for_a_client_that_has_gone() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let installation = &world.installation;
    let reads = token(installation, "ends", "sessions");
    let _psql = world.ticket("alice", "orders").unwrap().open().unwrap();
    let session = installation.sessions().unwrap()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sessions/{session}/end");
    // Somebody who keeps accounts from being changed on the target keeps the answer back for some seconds.
    let locker = world.server.client("postgres").await.unwrap();
    locker.batch_execute("BEGIN; LOCK pg_authid IN SHARE MODE").await.unwrap();
    let mut command = curl(installation, &reads, &path);
    command.args(["--header", "Content-Type: application/json", "--header", "Idempotency-Key: end-1"]);
    let given_up = command.args(["--max-time", "1", "--data", "{}"]).output().unwrap();
    assert_eq!(given_up.status.code(), Some(28), "curl gave up: {given_up:?}");
    assert_eq!(post(installation, &reads, "end-1", (&path, "{}")).0, 409, "it is still being worked on");
    let mut answer = (0, String::new());
    wait::until("it is finished", Duration::from_secs(20), || {
        answer = post(installation, &reads, "end-1", (&path, "{}"));
        Ok(answer.0 == 200)
    })
    .unwrap();
    locker.batch_execute("ROLLBACK").await.unwrap();
    world.all_out().unwrap();
    assert_eq!(
        post(installation, &reads, "end-1", (&path, "{}")),
        answer,
        "the answer of before, though all is gone by now"
    );
    let ended = installation.events("session.terminated").unwrap();
    assert_eq!(ended.len(), 1, "{ended:?}");
}

#[test]
fn a_secret_is_given_once_and_not_kept_for_a_repetition() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let make = || {
        let mut command = Command::new("curl");
        command.arg("--silent").arg("--unix-socket").arg(installation.socket());
        command.args(["--header", "Content-Type: application/json", "--header", "Idempotency-Key: k"]);
        command.args(["--data", r#"{"name":"ci","scopes":["read"]}"#, "http://localhost/v1/tokens"]);
        serde_json::from_slice::<Value>(&command.output().unwrap().stdout).unwrap()
    };
    assert!(make()["secret"].as_str().unwrap().starts_with("mayfly_pat_"));
    let again = make();
    assert!(again["status"] == 409 && again["detail"].as_str().unwrap().contains("given once"), "{again}");
    assert_eq!(installation.list(&["token", "ls"]).unwrap().len(), 1);
}

/// A client of the stream, killed when it is dropped.
struct Follower(Child, BufReader<std::process::ChildStdout>);

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Follower {
    fn start(installation: &Installation, token: &str, path: &str, last: Option<u64>) -> Self {
        let mut command = curl(installation, token, path);
        command.args(["--no-buffer", "--max-time", "30"]);
        if let Some(last) = last {
            command.args(["--header", &format!("Last-Event-ID: {last}")]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self(child, lines)
    }

    /// The next event: its id, its name and its data.
    fn next(&mut self) -> (u64, String, Value) {
        let (mut id, mut name, mut data) = (None, None, None);
        loop {
            let mut line = String::new();
            assert!(self.1.read_line(&mut line).unwrap() > 0, "the stream ended");
            match line.trim_end().split_once(": ") {
                Some(("id", text)) => id = Some(text.parse().unwrap()),
                Some(("event", text)) => name = Some(text.to_owned()),
                Some(("data", text)) => data = Some(serde_json::from_str(text).unwrap()),
                _ if line.trim().is_empty() && id.is_some() => return (id.unwrap(), name.unwrap(), data.unwrap()),
                _ => {}
            }
        }
    }
}

#[test]
fn whoever_follows_the_trail_sees_each_entry_once_also_after_coming_back() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let reads = token(&installation, "reader", "audit");
    let mut all = Follower::start(&installation, &reads, "/v1/events?from=0", None);
    let mut seen = Vec::new();
    while !seen.iter().any(|(_, name, _): &(u64, String, Value)| name == "api_token.issued") {
        seen.push(all.next());
    }
    assert!(
        seen.iter().enumerate().all(|(place, (id, _, entry))| *id == place as u64 && entry["seq"] == *id),
        "{seen:?}"
    );

    let mut tokens = Follower::start(&installation, &reads, "/v1/events?from=0&kind=api_token", None);
    assert_eq!(tokens.next().1, "api_token.issued");
    token(&installation, "second", "read");
    let (id, name, entry) = tokens.next();
    assert_eq!((name.as_str(), entry["detail"]["name"].as_str()), ("api_token.issued", Some("second")));
    drop(tokens);
    token(&installation, "third", "read");
    let mut back = Follower::start(&installation, &reads, "/v1/events?kind=api_token", Some(id));
    assert_eq!(back.next().2["detail"]["name"], "third");

    // Only so many at once, and who leaves makes room.
    let mut followers = Vec::new();
    let refused = || {
        let output = curl(&installation, &reads, "/v1/events").args(["--max-time", "1"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains("clients follow the trail already")
    };
    wait::until("there is no room for another", Duration::from_secs(60), || {
        followers.push(Follower::start(&installation, &reads, "/v1/events", None));
        Ok(followers.len() >= 30 && refused())
    })
    .unwrap();
    followers.clear();
    wait::until("there is room again", Duration::from_secs(20), || Ok(!refused())).unwrap();
}
