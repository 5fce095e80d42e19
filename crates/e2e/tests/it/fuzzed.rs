//! The API against a fuzzer that is not ours, which makes requests up from our own description of it: whatever it sends, the server
//! does not fail, and answers in the form that the description promises. With `MAYFLY_LONG=1` more than 10,000 requests.

use mayfly_e2e::Installation;
use mayfly_testbed::schemathesis;

#[test]
fn no_request_makes_the_server_fail() {
    let installation = Installation::init().unwrap();
    let server = installation.start().unwrap();
    let scopes = "read,audit,objects,secrets,credential.rebind,records,sessions,cleanup";
    let token = installation.json(&["token", "create", "fuzz", "--scope", scopes]).unwrap();
    let examples = if std::env::var_os("MAYFLY_LONG").is_some_and(|value| value == "1") { "250" } else { "3" };
    let mut fuzzer = schemathesis::command().unwrap();
    fuzzer.arg("run").arg(format!("https://localhost:{}/v1/openapi.json", installation.https_port));
    fuzzer.arg("--tls-verify").arg(installation.ca());
    fuzzer.arg("--header").arg(format!("Authorization: Bearer {}", token["secret"].as_str().unwrap()));
    fuzzer.args(["--checks", "not_a_server_error,content_type_conformance,response_schema_conformance"]);
    // The stream of events has no end that the fuzzer could wait for.
    fuzzer.args(["--exclude-path", "/v1/events", "--phases", "coverage,fuzzing", "--max-examples", examples]);
    fuzzer.args(["--seed", "1", "--generation-database", "none", "--request-timeout", "30", "--no-color"]);
    // A connection that idled for ten seconds is closed, perhaps just when the next request is on its way; what ends without an
    // answer because something panicked is in the log.
    fuzzer.args(["--request-retries", "2"]);
    // What it leaves where it stands goes with the installation.
    let output = fuzzer.current_dir(installation.directory()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let cases = said.lines().find_map(|line| line.trim().split_once(" generated")?.0.parse::<u32>().ok());
    assert!(cases.is_some_and(|cases| cases >= 500), "{said}");
    assert!(said.contains("operations returned only 401/403"), "those at the socket alone are refused: {said}");
    assert!(!installation.log().contains("panicked"), "{}", installation.log());
    assert!(installation.run(&["status"]).unwrap().status.success());
    drop(server);
}
