//! Secrets that can be recognised stand in every field that takes one; people work, and whatever can fail does. Afterwards none
//! of them is anywhere but where it has to be, and the secret of a session is not even in memory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mayfly_dial::ssh::SshKey;
use mayfly_domain::Secret;
use mayfly_e2e::bundle::Bundle;
use mayfly_e2e::client::Ticket;
use mayfly_e2e::machine::{self, MachineRecord};
use mayfly_e2e::memory::{self, occurrences};
use mayfly_e2e::objects::{PASSWORD, Record};
use mayfly_e2e::{Installation, MachineWorld, Server, World, wait};
use mayfly_protocol::scram::Verifier;
use mayfly_testbed::{Flavour, host};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// A secret with the name under which a leak is told.
type Canaries = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// The forms in which a text could leak: as it is, in hexadecimal, as UTF-16, and in base64 wherever it begins.
fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
    let utf16 = String::from_utf8_lossy(text).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![text.to_vec(), hex.into_bytes(), utf16];
    for shift in 0..3 {
        let shifted = [vec![0; shift], text.to_vec()].concat();
        let encoded = STANDARD.encode(&shifted[..shifted.len() / 3 * 3]);
        // The first characters carry what stood before.
        forms.push(encoded.into_bytes().split_off(if shift == 0 { 0 } else { 4 }));
    }
    forms
}

/// Which canaries stand in these bytes.
fn found(canaries: &Canaries, bytes: &[u8]) -> Vec<&'static str> {
    let stands = |forms: &Vec<Vec<u8>>| forms.iter().any(|form| occurrences(bytes, form) > 0);
    canaries.iter().filter(|(_, forms)| stands(forms)).map(|(name, _)| *name).collect()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            all.extend(files(&entry.path()));
        } else if kind.is_file() {
            all.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
        }
    }
    all
}

/// Reads the arguments and the environment of every process, over and over, until it is told to stop.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(Vec<String>, usize)>,
}

impl Watch {
    fn start(canaries: Arc<Mutex<Canaries>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut leaks, mut rounds) = (Vec::new(), 0);
            // What was looked through stays as it is mostly, and is looked through again only for other canaries.
            let (mut clean, mut sought) = (BTreeMap::new(), Canaries::new());
            while !told.load(Ordering::Relaxed) {
                let canaries = canaries.lock().unwrap().clone();
                if canaries != sought {
                    clean.clear();
                    sought.clone_from(&canaries);
                }
                for process in std::fs::read_dir("/proc").unwrap().flatten() {
                    for file in ["cmdline", "environ"] {
                        let path = process.path().join(file);
                        let Ok(bytes) = std::fs::read(&path) else { continue };
                        if clean.get(&path) == Some(&bytes) {
                            continue;
                        }
                        let hits = found(&canaries, &bytes);
                        // A native client that cannot be asked keeps its connect secret in its own environment.
                        let hits: Vec<_> =
                            hits.iter().filter(|name| file == "cmdline" || **name != "connect secret").collect();
                        if hits.is_empty() {
                            clean.insert(path, bytes);
                        } else {
                            leaks.push(format!(
                                "{hits:?} in {file} of {}",
                                String::from_utf8_lossy(&bytes[..80.min(bytes.len())])
                            ));
                        }
                    }
                }
                rounds += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            (leaks, rounds)
        });
        Self { stop, thread }
    }

    fn end(self) -> (Vec<String>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The secret of the session whose account this is, found in the server's memory, and what is derived from it and as good.
fn of_database(world: &World, server: &Server, account: &str) -> Vec<Vec<u8>> {
    let verifier = world.ask(&format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{account}'")).unwrap();
    let (iterations, salt) = verifier.split('$').nth(1).unwrap().split_once(':').unwrap();
    let (iterations, salt) = (iterations.parse::<NonZeroU32>().unwrap(), STANDARD.decode(salt).unwrap());
    let is_it =
        |text: &&String| Verifier::from_password(text.as_bytes(), &salt, iterations).to_text().to_string() == verifier;
    let secret = memory::passwords(server.pid()).unwrap().iter().find(is_it).cloned();
    let secret = secret.expect("the secret of a session that lasts is in memory");
    let mut salted = [0; 32];
    ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, secret.as_bytes(), &mut salted);
    let key = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &salted), b"Client Key");
    vec![secret.into_bytes(), salted.to_vec(), key.as_ref().to_vec()]
}

/// The same of a session on a host, whose key is derived from its secret.
fn of_machine(world: &MachineWorld, server: &Server) -> Vec<Vec<u8>> {
    let keys = "grep -rhoE 'ssh-ed25519 [A-Za-z0-9+/=]+' /home /var/lib/mayfly /etc/ssh 2>/dev/null || :";
    let keys = world.host.shell(keys).unwrap();
    let key_of = |text: &String| SshKey::of_session(&Secret::new(text.clone()));
    let is_it = |text: &&String| keys.contains(&key_of(text).public_line());
    let secret = memory::passwords(server.pid()).unwrap().iter().find(is_it).cloned();
    let secret = secret.expect("the secret of a session that lasts is in memory");
    let key = key_of(&secret);
    let pem = key.to_pem().unwrap();
    let body: String = pem.expose().lines().filter(|line| !line.starts_with('-')).collect();
    let (body, public) = (STANDARD.decode(body).unwrap(), key.public_line());
    let public = STANDARD.decode(public.split(' ').nth(1).unwrap()).unwrap();
    // In OpenSSH's form the seed stands in front of the last copy of the public key (PROTOCOL.key).
    let public = &public[public.len() - 32..];
    let at = body.windows(32).rposition(|window| window == public).unwrap();
    vec![secret.into_bytes(), body[at - 32..at].to_vec()]
}

fn gone(server: &Server, what: &str, secrets: &[Vec<u8>]) {
    for (number, secret) in secrets.iter().enumerate() {
        let left = || Ok(memory::count(server.pid(), std::slice::from_ref(secret))? == 0);
        wait::until(&format!("{what}, part {number}, is out of memory"), Duration::from_secs(10), left).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_anywhere_but_where_it_has_to_be() {
    let mut database = World::new(Flavour::Debian15, "").await.unwrap();
    let installation = Arc::clone(&database.installation);
    let machine = MachineWorld::of(&installation, host::Flavour::Plain, "").unwrap();
    // Passwords of this test alone: others that run meanwhile have clients that keep theirs in their environment.
    database.admin.password = "canary-administrator-9b41d6".to_owned();
    database.app.password = "canary-application-4c07ae".to_owned();
    for login in [&database.admin, &database.app] {
        database.ask(&format!("ALTER ROLE {} PASSWORD '{}'", login.user, login.password)).unwrap();
    }
    let running = database
        .serve(
            &["alice"],
            &[
                (Record::new("orders"), None),
                (Record { launch: Some("app"), ..Record::new("lifted") }, Some(&database.app)),
            ],
        )
        .unwrap();
    machine::apply(&["alice"], &[(&machine, MachineRecord::new("web01"))], &["orders", "lifted"], None).unwrap();
    let set_up = database.server.handle().log().unwrap().len();

    let token = installation.json(&["token", "create", "canary", "--scope", "read"]).unwrap();
    let token = token["secret"].as_str().unwrap();
    let ticket = database.ticket("alice", "orders").unwrap();
    let webhook = ["webhook", "create", "ops", "--url", "https://127.0.0.1:1/hook", "--event", "*"];
    let webhook = installation.must(&webhook, "").unwrap();
    let mut canaries = known(&database, &machine, token, &ticket);
    canaries.insert("webhook secret", forms(webhook.trim().trim_start_matches("whsec_").as_bytes()));
    let shared = Arc::new(Mutex::new(canaries.clone()));
    let watch = Watch::start(Arc::clone(&shared));

    let mut said = provoke(&installation, &database, &ticket, token);
    // Sessions, whose secrets are found in memory while they last.
    let mut psql = ticket.open().unwrap();
    let account = psql.query("select current_user").unwrap();
    let mut shell = machine.open("alice", "web01").unwrap();
    let on_host = shell.query("id -un").unwrap();
    let (first, second) = (of_database(&database, &running, &account), of_machine(&machine, &running));
    canaries.insert("session secret", first.iter().chain(&second).flat_map(|secret| forms(secret)).collect());
    *shared.lock().unwrap() = canaries.clone();
    let mut lifted = database.ticket("alice", "lifted").unwrap().open().unwrap();
    assert_eq!(lifted.query("select current_user").unwrap(), "app");
    lifted.leave().unwrap();
    psql.leave().unwrap();
    shell.leave().unwrap();
    database.all_out().unwrap();
    machine.as_before("the session").unwrap();
    gone(&running, "the session on PostgreSQL", &first);
    gone(&running, "the session on the host", &second);

    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");

    // Everything that was written anywhere, while the server runs and after it was killed.
    said += &installation.must(&["-o", "jsonl", "audit", "tail", "-n", "all"], "").unwrap();
    said += &words(&installation.run(&["export"]).unwrap());
    let mut places = vec![("what was said".to_owned(), said.into_bytes())];
    places.push(("statement log".to_owned(), database.server.handle().log().unwrap().split_off(set_up).into_bytes()));
    for folder in ["data", "log", "run"] {
        places.extend(files(&installation.directory().join(folder)));
    }
    places.extend(Bundle::make(&installation).unwrap().places());
    running.kill_9().unwrap();
    places.extend(Bundle::make(&installation).unwrap().places());
    let again = installation.start().unwrap();
    places.push(("server log".to_owned(), installation.log().into_bytes()));
    places.extend(files(&installation.directory().join("data")));
    let (leaks, rounds) = watch.end();
    assert!(leaks.is_empty() && rounds > 10, "{rounds} rounds: {leaks:?}");
    nowhere(&canaries, &places);
    searched(&places, &account, &on_host);
    drop(again);
}

/// Every secret that is known before anybody works.
fn known(database: &World, machine: &MachineWorld, token: &str, ticket: &Ticket) -> Canaries {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap().trim().to_owned();
    let folder = database.installation.directory();
    let (master, audit) = (read(&folder.join("etc/master.key")), read(&folder.join("etc/audit.key")));
    let admin_key = read(machine.admin_key().path());
    let behind = |text: &str| text.rsplit([':', '_']).next().unwrap().to_owned();
    [
        ("sign-in password", PASSWORD.to_owned()),
        ("administrative password", database.admin.password.clone()),
        ("launch password", database.app.password.clone()),
        ("private key", admin_key.lines().nth(2).unwrap().to_owned()),
        ("token", behind(token)),
        ("connect secret", ticket.secret.clone()),
        ("installation's key", behind(&master)),
        ("audit key", behind(&audit)),
        ("recovery key", read(&database.installation.recovery_key())),
    ]
    .into_iter()
    .map(|(name, secret)| (name, forms(secret.as_bytes())))
    .collect()
}

/// Expects no canary in any of these places.
fn nowhere(canaries: &Canaries, places: &[(String, Vec<u8>)]) {
    let leaks: Vec<_> = places.iter().map(|(place, bytes)| (place, found(canaries, bytes))).collect();
    let leaks: Vec<_> = leaks.into_iter().filter(|(_, hits)| !hits.is_empty()).collect();
    assert!(leaks.is_empty(), "{leaks:?}");
}

/// What is no secret is found: the search does search.
fn searched(places: &[(String, Vec<u8>)], account: &str, on_host: &str) {
    for (place, text) in [
        ("mayfly.db", account),
        ("mayfly.db", on_host),
        ("statement log", account),
        ("what was said", account),
        ("support bundle: metrics.txt", "mayfly_ready"),
    ] {
        let sought = Canaries::from([("text", forms(text.as_bytes()))]);
        let there = places.iter().any(|(name, bytes)| name.contains(place) && !found(&sought, bytes).is_empty());
        assert!(there, "{text} is not in {place}");
    }
}

/// Fails in as many ways as there are, with the secrets in hand, and answers what was said.
fn provoke(installation: &Installation, database: &World, ticket: &Ticket, token: &str) -> String {
    let admin = database.admin.password.as_str();
    let mut said = String::new();
    let mut run = |arguments: &[&str], input: &str| said += &words(&installation.run_with(arguments, input).unwrap());
    run(&["secret", "set", "nobody", "--secret-file", "-"], admin);
    run(&["secret", "set", "orders", "--secret-file", "-"], admin);
    run(&["secret", "set", "web01-admin", "--secret-file", "-"], admin);
    run(
        &["apply", "-f", "-"],
        &format!("kind: User\nname: x\nspec: {{login: a, resource: orders, password: \"{admin}\"}}\n"),
    );
    run(&["apply", "-f", "-"], &format!("kind: Secret\n{admin}\n"));
    run(&["connect", "orders", "--person", "bob", "--password-file", "-"], PASSWORD);
    run(&["connect", "orders", "--person", "alice", "--password-file", "-"], admin);
    run(&["server", "recover-key", "--config", "/nonexistent", "--recovery-key-file", "-"], admin);
    let stale = Ticket { secret: admin.to_owned(), ..ticket.clone() };
    said += &words(&stale.psql("select 1").unwrap());
    let other = Ticket { user: "alice~lifted".to_owned(), ..ticket.clone() };
    said += &words(&other.psql("select 1").unwrap());
    // A body that is no JSON, and a token that is not ours, with secrets in them.
    let body = installation.directory().join("body");
    for text in [format!("{{\"secret\": \"{admin}\""), format!("{{\"secret\": [\"{admin}\"]}}"), admin.to_owned()] {
        std::fs::write(&body, text).unwrap();
        let config = format!(
            "url = \"http://x/v1/secrets/orders-admin\"\nrequest = PUT\nunix-socket = \"{}\"\ndata-binary = \"@{}\"\n\
             header = \"Content-Type: application/json\"\nheader = \"Authorization: Bearer {token}\"\nsilent\n",
            installation.socket().display(),
            body.display()
        );
        let file = installation.directory().join("curl");
        std::fs::write(&file, config).unwrap();
        said += &words(&std::process::Command::new("curl").arg("-K").arg(&file).output().unwrap());
    }
    // The target refuses the administrator, and is not there at all.
    let change = |password: &str| {
        let statement = format!("SET log_statement = 'none'; ALTER ROLE {} PASSWORD '{password}'", database.admin.user);
        // From a file: an argument of ours would be found as well.
        let file = installation.directory().join("change.sql");
        std::fs::write(&file, statement).unwrap();
        database.server.psql(&["-f", file.to_str().unwrap()]).unwrap();
        std::fs::remove_file(&file).unwrap();
    };
    change("another one");
    said += &words(&installation.run(&["record", "check", "orders"]).unwrap());
    said += &words(&ticket.psql("select 1").unwrap());
    change(admin);
    database.server.stop_fast().unwrap();
    said += &words(&installation.run(&["record", "check", "orders"]).unwrap());
    said += &words(&ticket.psql("select 1").unwrap());
    database.server.restart().unwrap();
    let answers = || Ok(installation.run(&["record", "check", "orders"])?.status.code() != Some(9));
    wait::until("the administrator is let in again", LIMIT, answers).unwrap();
    said
}
