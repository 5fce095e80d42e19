//! Destination binding: whoever may edit records learns no secret by leading one to a server of theirs, whatever way the edit
//! takes, until somebody who may has bound the secret to it.

use mayfly_e2e::{Installation, Recorder, objects, wait};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const DATABASE_SECRET: &str = "canary of orders-admin 5f0c2b77";
const MACHINE_SECRET: &str = "canary of web01-admin 1b9e44d0";
const LIMIT: Duration = Duration::from_secs(30);

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The records, leading to these servers.
fn records(alice: &str, database: u16, machine: u16, host_key: &str) -> String {
    format!(
        "{alice}---
kind: User
name: orders-admin
spec: {{login: mayfly_admin, resource: orders}}
---
kind: Database
name: orders
spec:
  database_type: postgresql
  host: 127.0.0.1
  tls: {{mode: plaintext}}
  default_database: orders
  rotation: {{administrative: orders-admin, port: {database}}}
  connection: {{protocol: postgresql, port: {database}}}
  jit: {{create_ephemeral: true}}
---
kind: User
name: web01-admin
spec: {{login: mayfly, resource: web01}}
---
kind: Machine
name: web01
spec:
  operating_system: linux
  host: 127.0.0.1
  host_key: {{pin: \"{host_key}\"}}
  rotation: {{administrative: web01-admin, port: {machine}, password: true}}
  connection: {{protocol: ssh, port: {machine}}}
  jit: {{create_ephemeral: true}}
"
    )
}

/// Applies documents over HTTPS with a client that is not ours and a token that may change objects and nothing else.
fn edit(installation: &Installation, token: &str, documents: &str) -> Output {
    let body = installation.directory().join("edit.json");
    std::fs::write(&body, serde_json::json!({"documents": documents}).to_string()).unwrap();
    let url = format!("https://localhost:{}/v1/objects", installation.https_port);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail-with-body", "--cacert"]).arg(installation.ca());
    curl.args(["-H", "Content-Type: application/json", "-H"]).arg(format!("Authorization: Bearer {token}"));
    curl.arg("--data-binary").arg(format!("@{}", body.display())).arg(url).stdin(Stdio::null()).output().unwrap()
}

/// Tries everything that would send a secret, and says what people were told.
fn provoke(installation: &Installation) -> String {
    let mut said = String::new();
    for record in ["orders", "web01"] {
        said += &words(&installation.run(&["record", "check", record]).unwrap());
    }
    said += &words(&installation.run(&["record", "pin", "orders"]).unwrap());
    let ticket = mayfly_e2e::client::Ticket::get(installation, "alice", "orders").unwrap();
    said += &words(&ticket.psql("select 1").unwrap());
    let key = installation.directory().join("alice");
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes"]);
    ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-i"]).arg(key).arg("-p").arg(installation.ssh_port.to_string());
    said + &words(&ssh.args(["alice~web01@127.0.0.1", "true"]).stdin(Stdio::null()).output().unwrap())
}

fn leaked(recorder: &Recorder) -> Vec<String> {
    recorder.heard().into_iter().filter(|heard| heard != "connected").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_leads_elsewhere_takes_no_secret_with_it() {
    let (own, own_host) = (Recorder::postgres().await.unwrap(), Recorder::ssh(1).await.unwrap());
    let installation = Installation::init().unwrap();
    let _running = installation.start().unwrap();
    let key = mayfly_e2e::machine::Key::make(installation.directory(), "alice").unwrap();
    let alice = objects::person(&installation, "alice", &["orders", "web01"], false).unwrap();
    let alice = alice.replace("  disabled:", &format!("  ssh_keys: [\"{}\"]\n  disabled:", key.public().unwrap()));
    let first = records(&alice, own.port, own_host.port, &own_host.host_key);
    installation.must(&["apply", "-f", "-"], &first).unwrap();
    for (user, secret) in [("orders-admin", DATABASE_SECRET), ("web01-admin", MACHINE_SECRET)] {
        installation.must(&["secret", "set", user, "--secret-file", "-"], secret).unwrap();
    }
    // Where they were set for they are sent: the recorders do hear them.
    provoke(&installation);
    assert!(
        leaked(&own).iter().any(|heard| heard.contains(DATABASE_SECRET)),
        "{:?}\n{}",
        own.heard(),
        installation.log()
    );
    assert!(leaked(&own_host).iter().any(|heard| heard.contains(MACHINE_SECRET)), "{:?}", own_host.heard());

    let token = installation.json(&["token", "create", "editor", "--scope", "read,objects,records,cleanup"]).unwrap();
    let token = token["secret"].as_str().unwrap();
    let exported = installation.must(&["export"], "").unwrap();
    let mut last = None;
    for way in ["the API", "apply", "an export that is imported again"] {
        let (thief, thief_host) = (Recorder::postgres().await.unwrap(), Recorder::ssh(2).await.unwrap());
        let edited = records(&alice, thief.port, thief_host.port, &thief_host.host_key);
        let (from, to) = (format!("port: {}\n", own.port), format!("port: {}\n", thief.port));
        let (from_host, to_host) = (format!("port: {}\n", own_host.port), format!("port: {}\n", thief_host.port));
        match way {
            "the API" => {
                let answer = edit(&installation, token, &edited);
                assert!(answer.status.success(), "{}", words(&answer));
                assert!(words(&answer).contains("mayfly secret rebind web01-admin"), "{}", words(&answer));
            }
            "apply" => drop(installation.must(&["apply", "-f", "-"], &edited).unwrap()),
            _ => {
                let changed = exported.replace(&from, &to).replace(&from_host, &to_host);
                let changed = changed.replace(&own_host.host_key, &thief_host.host_key);
                assert_eq!(changed.matches(&to).count() + changed.matches(&to_host).count(), 4, "{changed}");
                installation.must(&["apply", "-f", "-"], &changed).unwrap();
            }
        }
        let said = provoke(&installation);
        assert_eq!((leaked(&thief), leaked(&thief_host)), (vec![], vec![]), "by {way}: {said}");
        // Nor has it gone to where it was set for.
        for (user, port) in [("orders-admin", thief.port), ("web01-admin", thief_host.port)] {
            assert!(said.contains(&format!("mayfly secret set {user}")), "{said}");
            assert!(said.contains(&format!("mayfly secret rebind {user}")), "{said}");
            assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
        }
        last = Some((thief, thief_host));
    }
    let (elsewhere, elsewhere_host) = last.unwrap();
    rebinds(&installation, token);
    provoke(&installation);
    let sent = || Ok(!leaked(&elsewhere).is_empty() && !leaked(&elsewhere_host).is_empty());
    wait::until("what was bound anew is sent", LIMIT, sent).unwrap();
    assert_eq!(installation.events("secret.rebound").unwrap().len(), 2);

    // A credential that is linked from another record is refused even where that leads to the same server.
    let moved = records(&alice, elsewhere.port, elsewhere_host.port, &elsewhere_host.host_key);
    let moved = moved.replace("orders,", "other,").replace("resource: orders", "resource: other");
    let moved = moved.replace("kind: Database\nname: orders", "kind: Database\nname: other");
    installation.must(&["apply", "-f", "-", "--delete", "Database/orders"], &moved).unwrap();
    let before = leaked(&elsewhere).len();
    let refused = words(&installation.run(&["record", "check", "other"]).unwrap());
    assert!(refused.contains("was set for orders at") && refused.contains("sent for other at"), "{refused}");
    assert_eq!(leaked(&elsewhere).len(), before);
}

/// A token that may change objects and set records may not bind a secret; one that may has to name what it confirms.
fn rebinds(installation: &Installation, editor: &str) {
    let rebind = |token: Option<&str>, arguments: &[&str]| {
        let mut command = installation.command().unwrap();
        if let Some(token) = token {
            command.env("MAYFLY_CA_FILE", installation.ca()).env("MAYFLY_TOKEN", token);
            command.env("MAYFLY_SERVER", format!("https://localhost:{}", installation.https_port));
        }
        command.args(["-o", "json", "secret", "rebind"]).args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    let refused = rebind(Some(editor), &["orders-admin", "--to", "anything"]);
    assert_eq!(refused.status.code(), Some(4), "{}", words(&refused));
    let asked = words(&rebind(None, &["orders-admin"]));
    assert!(asked.contains("There is nobody to ask"), "{asked}");
    let wrong = rebind(None, &["orders-admin", "--to", "orders at 127.0.0.1:1 (without encryption)"]);
    assert_eq!(wrong.status.code(), Some(10), "{}", words(&wrong));
    let now = asked.split_once("Send it for ").unwrap().1.split_once(" from now on?").unwrap().0.to_owned();
    let done = rebind(None, &["orders-admin", "--to", &now]);
    assert!(done.status.success(), "{}", words(&done));
    let granted = installation.json(&["token", "create", "binder", "--scope", "credential.rebind"]).unwrap();
    let granted = granted["secret"].as_str().unwrap();
    let asked = words(&rebind(Some(granted), &["web01-admin"]));
    let now = asked.split_once("Send it for ").unwrap().1.split_once(" from now on?").unwrap().0.to_owned();
    let done = rebind(Some(granted), &["web01-admin", "--to", &now]);
    assert!(done.status.success(), "{}", words(&done));
}
