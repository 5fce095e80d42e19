//! Webhooks to a receiver that is not ours: what it gets, it verifies with the reference library; what it does not take comes again, also
//! after the server was killed; and nothing is sent to addresses that are not public unless somebody says so.

use mayfly_e2e::{Installation, wait};
use mayfly_testbed::WebhookReceiver;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn create(installation: &Installation, name: &str, url: &str, kinds: &str, more: &[&str]) -> String {
    let arguments = [&["webhook", "create", name, "--url", url, "--event", kinds], more].concat();
    installation.must(&arguments, "").unwrap().trim().to_owned()
}

/// Makes an event `api_token.issued` and an event `api_token.revoked`.
fn make_events(installation: &Installation, name: &str) {
    let answer = installation.json(&["token", "create", name, "--scope", "read"]).unwrap();
    installation.must(&["token", "revoke", answer["id"].as_str().unwrap()], "").unwrap();
}

fn listed(installation: &Installation, name: &str) -> Value {
    let all = installation.json(&["webhook", "ls"]).unwrap();
    all["items"].as_array().unwrap().iter().find(|webhook| webhook["name"] == name).unwrap().clone()
}

/// The messages with these names of tokens that the receiver has taken.
fn taken(receiver: &WebhookReceiver, name: &str) -> Vec<Value> {
    let all = receiver.received().unwrap().into_iter();
    all.filter(|seen| seen["status"] == 200 && seen["body"]["data"]["detail"]["name"] == name).collect()
}

#[test]
fn events_arrive_signed_and_are_tried_until_they_are_taken() {
    let installation = Installation::init().unwrap();
    let receiver = WebhookReceiver::start().unwrap();
    let mut settings = std::fs::read_to_string(installation.config()).unwrap();
    settings = settings.split("[webhooks]").next().unwrap().to_owned();
    write!(settings, "\n[webhooks]\nca = {:?}\n", receiver.ca()).unwrap();
    std::fs::write(installation.config(), settings).unwrap();
    let running = installation.start().unwrap();
    let secret = create(&installation, "ops", &receiver.url(), "api_token.issued,webhook", &["--allow-private"]);
    assert!(secret.starts_with("whsec_"), "{secret}");
    receiver.expect(&secret).unwrap();
    // One to whom it is not allowed: the very same receiver, whose address is not public.
    create(&installation, "guarded", &receiver.url(), "api_token", &[]);
    make_events(&installation, "first");
    wait::until("the event has come", LIMIT, || Ok(taken(&receiver, "first").len() == 1)).unwrap();
    let seen = &taken(&receiver, "first")[0];
    assert_eq!((&seen["fault"], &seen["body"]["type"]), (&Value::Null, &Value::from("api_token.issued")));
    assert_eq!(seen["path"], "/hook");
    let id = format!("msg_{}_{}", seen["body"]["data"]["installation"].as_str().unwrap(), seen["body"]["data"]["seq"]);
    assert_eq!(seen["id"], id.as_str());
    wait::until("the guard has refused", LIMIT, || {
        Ok(listed(&installation, "guarded")["failure"].as_str().is_some_and(|why| why.contains("not public")))
    })
    .unwrap();
    installation.must(&["webhook", "delete", "guarded"], "").unwrap();
    // It takes nothing for a while, a redirect is not followed, and the server is killed meanwhile.
    receiver.answer(302).unwrap();
    make_events(&installation, "second");
    wait::until("it was tried", LIMIT, || {
        Ok(listed(&installation, "ops")["failure"].as_str().is_some_and(|why| why.contains("302")))
    })
    .unwrap();
    running.kill_9().unwrap();
    receiver.answer(200).unwrap();
    let _running = installation.start().unwrap();
    wait::until("the event has come", LIMIT, || Ok(taken(&receiver, "second").len() == 1)).unwrap();
    assert!(receiver.received().unwrap().iter().all(|seen| seen["body"]["type"] != "api_token.revoked"));
    rotated(&installation, &receiver, &secret);
    gone(&installation, &receiver);
    let trail = installation.must(&["audit", "export"], "").unwrap();
    let log = installation.log();
    assert!(!trail.contains("whsec_") && !log.contains("whsec_"), "a secret is written down");
    let unknown =
        installation.run(&["webhook", "create", "x", "--url", &receiver.url(), "--event", "sessions"]).unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    let plain = installation.run(&["webhook", "create", "x", "--url", "http://localhost/", "--event", "*"]).unwrap();
    assert_eq!(plain.status.code(), Some(2));
}

/// Two secrets sign until the older one is forgotten.
fn rotated(installation: &Installation, receiver: &WebhookReceiver, before: &str) {
    let new = installation.must(&["webhook", "rotate", "ops"], "").unwrap().trim().to_owned();
    make_events(installation, "with-both");
    wait::until("the event has come", LIMIT, || Ok(taken(receiver, "with-both").len() == 1)).unwrap();
    assert_eq!(taken(receiver, "with-both")[0]["fault"], Value::Null, "the secret before still signs");
    receiver.expect(&new).unwrap();
    installation.must(&["webhook", "rotate", "ops", "--finish"], "").unwrap();
    make_events(installation, "with-new");
    wait::until("the event has come", LIMIT, || Ok(taken(receiver, "with-new").len() == 1)).unwrap();
    assert_eq!(taken(receiver, "with-new")[0]["fault"], Value::Null);
    receiver.expect(before).unwrap();
    make_events(installation, "with-old");
    wait::until("the event has come", LIMIT, || Ok(taken(receiver, "with-old").len() == 1)).unwrap();
    assert!(taken(receiver, "with-old")[0]["fault"].is_string(), "the secret before signs no more");
    receiver.expect(&new).unwrap();
}

/// A receiver that says that it is gone is switched off, which is an event; switched on, it gets what it has missed.
fn gone(installation: &Installation, receiver: &WebhookReceiver) {
    receiver.answer(410).unwrap();
    make_events(installation, "to-nobody");
    wait::until("it is switched off", LIMIT, || Ok(listed(installation, "ops")["disabled"].is_string())).unwrap();
    assert_eq!(installation.events("webhook.disabled").unwrap().len(), 1);
    receiver.answer(200).unwrap();
    make_events(installation, "while-off");
    installation.must(&["webhook", "enable", "ops"], "").unwrap();
    for name in ["to-nobody", "while-off"] {
        wait::until("the event has come", LIMIT, || Ok(taken(receiver, name).len() == 1)).unwrap();
    }
}
