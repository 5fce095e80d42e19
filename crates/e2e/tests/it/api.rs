//! The API over HTTPS: who gets in with which token, who does not, and that nobody holds a connection who does nothing with it.

use crate::operations::OPERATIONS;
use mayfly_e2e::certificate::Certificate;
use mayfly_e2e::{Installation, objects, wait};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The command line over HTTPS, as it would be run on another machine.
fn from_afar(installation: &Installation, token: Option<&str>, arguments: &[&str], input: &str) -> Output {
    let mut command = installation.command().unwrap();
    command.env_remove("MAYFLY_SOCKET").env("MAYFLY_CA_FILE", installation.ca());
    command.env("MAYFLY_SERVER", format!("https://localhost:{}", installation.https_port));
    if let Some(token) = token {
        command.env("MAYFLY_TOKEN", token);
    }
    let pipes = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A new token with these scopes, from the local socket: its id and itself.
fn token(installation: &Installation, name: &str, scopes: &str, valid: &str) -> (String, String) {
    let answer = installation.json(&["token", "create", name, "--scope", scopes, "--valid", valid]).unwrap();
    (answer["id"].as_str().unwrap().to_owned(), answer["secret"].as_str().unwrap().to_owned())
}

/// One request as a client that is not ours sends it; the status of the answer and all of it.
fn ask(installation: &Installation, method: &str, target: &str, token: Option<&str>) -> (String, String) {
    send(installation, method, target, token, "{}")
}

/// The same with this body.
fn send(installation: &Installation, method: &str, target: &str, token: Option<&str>, body: &str) -> (String, String) {
    let authorization = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {authorization}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost", "-CAfile"])
        .arg(installation.ca())
        .args(["-connect", &format!("127.0.0.1:{}", installation.https_port)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its standard input stays open until the answer has come: at its end openssl leaves.
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(request.as_bytes()).unwrap();
    let answer = whole(client.stdout.take().unwrap());
    drop(stdin);
    client.kill().unwrap();
    client.wait().unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{method} {target}: {answer:?}"));
    (status.to_owned(), answer.clone())
}

/// All of an answer; of a stream of events, which has no end of its own, the head.
fn whole(mut stdout: impl std::io::Read) -> String {
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let read = stdout.read(&mut part).unwrap();
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        if read == 0 || (text.contains("\r\n\r\n") && text.contains("text/event-stream")) {
            return text;
        }
    }
}

#[test]
fn a_token_opens_its_scopes_from_afar_and_no_more() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &[], false).unwrap();
    let (id, reads) = token(&installation, "reader", "read,audit", "1h");
    let (_, writes) = token(&installation, "writer", "objects", "1h");
    let status = from_afar(&installation, None, &["-o", "json", "status"], "");
    assert!(status.status.success() && words(&status).is_empty(), "{}", words(&status));

    // Who is locked down is not for strangers.
    installation.must(&["lockdown", "--user", "mallory", "--reason", "gone"], "").unwrap();
    for (who, told) in [(None, false), (Some(writes.as_str()), false), (Some(reads.as_str()), true)] {
        let status = from_afar(&installation, who, &["-o", "json", "status"], "");
        assert_eq!(String::from_utf8_lossy(&status.stdout).contains("person:mallory"), told, "{status:?}");
    }
    let nobody = from_afar(&installation, None, &["ls"], "");
    assert_eq!(nobody.status.code(), Some(3), "{}", words(&nobody));
    assert!(words(&nobody).contains("token with the scope `read`"), "{}", words(&nobody));
    let applied = from_afar(&installation, Some(&writes), &["apply", "-f", "-"], &alice);
    assert!(applied.status.success(), "{}", words(&applied));
    let listed = from_afar(&installation, Some(&reads), &["-o", "name", "ls"], "");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "alice\n", "{}", words(&listed));
    let refused = from_afar(&installation, Some(&reads), &["apply", "-f", "-"], &alice);
    assert_eq!(refused.status.code(), Some(4), "{}", words(&refused));
    assert!(words(&refused).contains("the token has no scope `objects`"), "{}", words(&refused));
    // Who did it is in the trail, and no token is in it, in the log or in the store.
    let trail = from_afar(&installation, Some(&reads), &["-o", "jsonl", "audit", "tail", "-n", "all"], "");
    let trail = String::from_utf8_lossy(&trail.stdout).into_owned();
    assert!(trail.contains("api_token.issued") && trail.contains("\"actor\":\"token:tok_"), "{trail}");
    let data = installation.directory().join("data");
    let files = std::fs::read_dir(data).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    for content in files.chain([trail.into_bytes(), installation.log().into_bytes()]) {
        for token in [&reads, &writes] {
            let secret = &token.as_bytes()[token.len() - 64..];
            assert!(!content.windows(64).any(|window| window == secret));
        }
    }

    installation.must(&["token", "revoke", &id], "").unwrap();
    let gone = from_afar(&installation, Some(&reads), &["ls"], "");
    assert_eq!(gone.status.code(), Some(3), "{}", words(&gone));
    assert!(words(&gone).contains("the token is not valid"), "{}", words(&gone));
    let again = installation.run(&["token", "revoke", &id]).unwrap();
    assert_eq!(again.status.code(), Some(5), "{}", words(&again));
}

#[test]
fn a_token_ends_by_itself_and_its_name_is_free_then() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let (_, short) = token(&installation, "ci", "read", "1s");
    token(&installation, "long", "read", "1h");
    let taken = installation.run(&["token", "create", "long", "--scope", "read"]).unwrap();
    assert_eq!(taken.status.code(), Some(10), "{}", words(&taken));
    wait::until("the token has ended", Duration::from_secs(20), || {
        Ok(from_afar(&installation, Some(&short), &["ls"], "").status.code() == Some(3))
    })
    .unwrap();
    token(&installation, "ci", "read", "1h");
    for (arguments, said) in [
        (&["token", "create", "x", "--scope", "everything"][..], "there is no scope"),
        (&["token", "create", "x", "--scope", "read", "--valid", "9000h"][..], "366 days"),
    ] {
        let refused = installation.run(arguments).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
        assert!(words(&refused).contains(said), "{}", words(&refused));
    }
}

/// A person's token, as a client that is not ours gets it.
fn person_token(installation: &Installation, person: &str) -> String {
    let body = serde_json::json!({ "person": person, "password": objects::PASSWORD }).to_string();
    let (status, answer) = send(installation, "POST", "/v1/login", None, &body);
    assert_eq!(status, "200", "{answer}");
    assert!(answer.to_lowercase().contains("cache-control: no-store"), "{answer}");
    let answer: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    answer["secret"].as_str().unwrap().to_owned()
}

/// Every operation, asked for without a token, with tokens that are not ours, with one of every other scope, with the right one, and by
/// a person who has signed in.
#[test]
fn every_operation_from_afar_needs_its_own_scope() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &[], false).unwrap();
    installation.must(&["apply", "-f", "-"], &alice).unwrap();
    let scopes = ["read", "audit", "objects", "secrets", "credential.rebind", "records", "sessions", "cleanup"];
    let foreign = |kind: &str| format!("mayfly_{kind}_{}_{}", "0".repeat(16), "0".repeat(64));
    let mut alice = person_token(&installation, "alice");
    for (place, (method, target, scope, own)) in OPERATIONS.iter().copied().enumerate() {
        let asked = |token: Option<&str>| ask(&installation, method, target, token);
        let (status, answer) = asked(Some(&alice));
        let let_in = !["401", "403"].contains(&status.as_str());
        assert_eq!(let_in, own, "{method} {target} by a person: {answer}");
        assert!(own || status == "403", "{method} {target} by a person: {answer}");
        if (method, target) == ("DELETE", "/v1/login") {
            assert_eq!((status.as_str(), asked(Some(&alice)).0.as_str()), ("200", "401"), "signed out: {answer}");
            alice = person_token(&installation, "alice");
        }
        if scope == "everybody" {
            assert_ne!(asked(None).0, "403", "{method} {target}");
            continue;
        }
        let others: Vec<&str> = scopes.into_iter().filter(|other| *other != scope).collect();
        let (_, others) = token(&installation, &format!("others-{place}"), &others.join(","), "1h");
        let expected = match scope {
            "socket" => ["403"; 4],
            "person" => ["401", "403", "401", "403"],
            _ => ["401", "401", "401", "403"],
        };
        let tokens = [None, Some(foreign("pat")), Some(foreign("pst")), Some(others)];
        for (token, expected) in tokens.iter().zip(expected) {
            let (status, answer) = asked(token.as_deref());
            assert_eq!(status, expected, "{method} {target}: {answer}");
            assert_eq!(answer.to_lowercase().contains("www-authenticate: bearer"), expected == "401", "{answer}");
        }
        if scopes.contains(&scope) {
            let (_, right) = token(&installation, &format!("right-{place}"), scope, "1h");
            let (status, answer) = asked(Some(&right));
            assert!(!["401", "403"].contains(&status.as_str()), "{method} {target}: {answer}");
        }
    }
}

/// Whatever is wrong with a request, the answer is a problem that says what.
#[test]
fn what_is_refused_is_refused_as_a_problem() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let (_, reads) = token(&installation, "reader", "read", "1h");
    for (method, target, status, said) in [
        ("GET", "/v1/nothing", "404", "no such path"),
        ("DELETE", "/v1/status", "405", "no such method"),
        ("GET", "/v1/sessions?limit=many", "422", "limit"),
        ("GET", "/v1/objects?after=x", "422", "KIND/NAME"),
        ("GET", "/v1/cleanup/x", "422", "not the id of a change"),
        ("POST", "/v1/connect", "422", "not the JSON that this path takes"),
    ] {
        let (answered, answer) = ask(&installation, method, target, Some(&reads));
        assert_eq!(answered, status, "{method} {target}: {answer}");
        assert!(answer.contains("application/problem+json") && answer.contains(said), "{method} {target}: {answer}");
    }
}

/// A list goes on where the page before ended, and the search looks at names, summaries and labels on the server.
#[test]
fn a_list_is_read_page_by_page_and_searched_on_the_server() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let (_, reads) = token(&installation, "reader", "read", "1h");
    let people: Vec<String> = (0..7).map(|number| format!("person{number}")).collect();
    let mut documents = String::new();
    for name in &people {
        documents += &objects::person(&installation, name, &[], false).unwrap();
    }
    installation.must(&["apply", "-f", "-"], &documents).unwrap();
    let page = |target: &str| -> serde_json::Value {
        let (status, answer) = ask(&installation, "GET", target, Some(&reads));
        assert_eq!(status, "200", "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let mut found = Vec::new();
    let mut target = "/v1/objects?limit=3".to_owned();
    loop {
        let answer = page(&target);
        let items = answer["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        found.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(next) = answer["next"].as_str() else { break };
        target = format!("/v1/objects?limit=3&after={}", next.replace('/', "%2F"));
    }
    assert_eq!(found, people);
    assert_eq!(page("/v1/objects?q=SON4")["items"].as_array().unwrap().len(), 1);
    assert_eq!(page("/v1/objects?kind=machine&q=son4")["items"], serde_json::json!([]));
}

/// What is not ours to believe gets neither token nor question.
#[test]
fn a_server_that_is_not_believed_is_told_nothing() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let mut command = installation.command().unwrap();
    command.env_remove("MAYFLY_SOCKET").env("MAYFLY_TOKEN", "mayfly_pat_secret");
    command.env("MAYFLY_SERVER", format!("https://localhost:{}", installation.https_port));
    let output = command.args(["ls"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(words(&output).contains("is not believed") && words(&output).contains("--ca-file"), "{}", words(&output));
}

/// A certificate that somebody else has signed is presented over HTTPS, and one that cannot be used stops the start by its name.
#[test]
fn a_given_certificate_is_presented() {
    let installation = Installation::init().unwrap();
    let etc = installation.directory().join("etc");
    let given = Certificate::make(&etc, "given").unwrap();
    let settings = std::fs::read_to_string(installation.config()).unwrap() + &given.setting();
    let Certificate { certificate, key } = given;
    std::fs::write(installation.config(), settings).unwrap();
    let server = installation.start().unwrap();
    let mut command = installation.command().unwrap();
    command.env_remove("MAYFLY_SOCKET").env("MAYFLY_CA_FILE", &certificate);
    command.env("MAYFLY_SERVER", format!("https://localhost:{}", installation.https_port));
    let output = command.args(["status"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    server.stop().unwrap();
    for (file, content, said) in [
        (&key, std::fs::read_to_string(etc.join("master.key")).unwrap(), "not a private key as PEM"),
        (&certificate, String::new(), "holds no certificate"),
    ] {
        let before = std::fs::read(file).unwrap();
        std::fs::write(file, content).unwrap();
        let mut check = installation.command().unwrap();
        let output = check.args(["server", "check", "--config"]).arg(installation.config()).output().unwrap();
        assert!(!output.status.success() && words(&output).contains(said), "{}", words(&output));
        std::fs::write(file, before).unwrap();
    }
}

/// SECURITY-CASES 0.5: whoever says nothing, half of something, or everything very slowly, is cut.
#[test]
fn a_connection_that_does_nothing_is_cut() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let at = format!("127.0.0.1:{}", installation.https_port);
    let threads: Vec<_> = [&b""[..], b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n"]
        .into_iter()
        .map(|first| {
            let at = at.clone();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(at).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                stream.write_all(first).unwrap();
                let began = Instant::now();
                let mut rest = Vec::new();
                // Cut means that the other side closes or resets; a time-out of ours would be an error of another kind.
                let end = stream.read_to_end(&mut rest);
                let cut = end.is_ok() || end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
                (cut, began.elapsed())
            })
        })
        .collect();
    for thread in threads {
        let (cut, after) = thread.join().unwrap();
        assert!(cut, "not cut within {after:?}");
    }
    // Half a request behind a handshake, and a body that never comes.
    for half in [
        "GET /v1/status HTTP/1.1\r\nHost: x\r\n",
        "POST /v1/connect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ] {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &at])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        stdin.write_all(half.as_bytes()).unwrap();
        let mut ended = false;
        wait::until("half a request is cut", Duration::from_secs(60), || {
            ended = client.try_wait()?.is_some();
            Ok(ended)
        })
        .unwrap();
        drop(stdin);
    }
}
