//! Who is kept out, and that they learn nothing from how; and that no secret is found where it must not be.

use crate::operations::OPERATIONS;
use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::{self, PASSWORD, Record};
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

async fn world() -> World {
    World::new(Flavour::Newer, "").await.unwrap()
}

/// What psql says when it is not let in.
fn refusal(ticket: &Ticket) -> String {
    let output = ticket.psql("select 1").unwrap();
    assert!(!output.status.success(), "{} came in", ticket.user);
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failed_sign_in_has_one_shape() {
    let world = world().await;
    let records = [(Record::new("orders"), None), (Record::new("other"), None)];
    let _running = world.serve(&["alice", "bob", "carol"], &records).unwrap();
    let limited = objects::person(&world.installation, "bob", &["other"], false).unwrap();
    world.installation.must(&["apply", "-f", "-"], &limited).unwrap();
    let good = world.ticket("alice", "orders").unwrap();
    let of_carol = world.ticket("carol", "orders").unwrap();
    let disabled = objects::person(&world.installation, "carol", &["orders"], true).unwrap();
    world.installation.must(&["apply", "-f", "-"], &disabled).unwrap();
    let expiring = {
        let arguments =
            ["-o", "json", "connect", "other", "--person", "alice", "--password-file", "-", "--valid", "1s"];
        let answer = world.installation.must(&arguments, &format!("{PASSWORD}\n")).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        Ticket { user: "alice~other".to_owned(), secret: answer["secret"].as_str().unwrap().to_owned(), ..good.clone() }
    };
    // As many as stand side by side, after which the first one is gone.
    let first = good.clone();
    let mut beside: Vec<Ticket> = (0..8).map(|_| world.ticket("alice", "orders").unwrap()).collect();
    let good = beside.pop().unwrap();
    let guess = |user: &str, secret: &str| Ticket { user: user.to_owned(), secret: secret.to_owned(), ..good.clone() };
    let wrong = refusal(&guess("alice~orders", "wrong"));
    assert!(wrong.contains("FATAL:  sign-in failed: the connect secret is wrong or no longer valid"), "{wrong}");
    std::thread::sleep(Duration::from_millis(1100));
    for (what, ticket) in [
        ("the sign-in password", guess("alice~orders", PASSWORD)),
        ("an unknown person", guess("nobody~orders", &good.secret)),
        ("an unknown record", guess("alice~nothing", &good.secret)),
        ("a record that is not theirs", guess("bob~orders", &good.secret)),
        ("a secret of another record", guess("alice~other", &good.secret)),
        ("a disabled person", of_carol),
        ("an expired secret", expiring),
        ("a secret in whose place others came", first),
    ] {
        assert_eq!(refusal(&ticket), wrong, "{what}");
    }
    assert_eq!(good.query("select count(*) from orders").unwrap(), "5", "the good one still opens");
    for ticket in &beside {
        assert_eq!(ticket.query("select count(*) from orders").unwrap(), "5", "so do those beside it");
    }
    let used = world.installation.events("connect_secret.used").unwrap();
    let different: std::collections::BTreeSet<String> =
        used.iter().map(|event| event["detail"]["secret"].to_string()).collect();
    assert_eq!((used.len(), different.len()), (8, 8), "each use names its own secret: {used:?}");
    let mut plaintext = good.tool("psql", "orders");
    let output = plaintext.env("PGSSLMODE", "disable").args(["-X", "-c", "select 1"]).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && words.contains("TLS"), "{words}");
    world.as_before("refused sign-ins").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connect_says_as_little() {
    let world = world().await;
    let records = [(Record::new("orders"), None), (Record::new("other"), None)];
    let _running = world.serve(&["alice", "bob", "carol"], &records).unwrap();
    let disabled = objects::person(&world.installation, "carol", &["orders"], true).unwrap();
    let limited = objects::person(&world.installation, "bob", &["other"], false).unwrap();
    world.installation.must(&["apply", "-f", "-"], &format!("{disabled}{limited}")).unwrap();
    let ask = |person: &str, record: &str, password: &str| {
        let arguments = ["connect", record, "--person", person, "--password-file", "-"];
        let output = world.installation.run_with(&arguments, &format!("{password}\n")).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{person} got a secret for {record}");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let wrong = ask("alice", "orders", "wrong wrong wrong");
    assert_eq!(wrong.0, Some(3), "{}", wrong.1);
    assert_eq!(ask("nobody", "orders", PASSWORD), wrong, "an unknown person");
    assert_eq!(ask("carol", "orders", PASSWORD), wrong, "a disabled person");
    let not_theirs = ask("bob", "orders", PASSWORD);
    assert_eq!(not_theirs.0, Some(4), "{}", not_theirs.1);
    assert_eq!(ask("bob", "nothing", PASSWORD), not_theirs, "a record that does not exist");
}

/// Speaks HTTP over a Unix socket; perl is part of every Debian.
const SPEAK: &str = r#"use IO::Socket::UNIX; my ($path, $method, $target, $body) = @ARGV;
my $s = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
print $s "$method $target HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n",
  "Content-Length: ", length($body), "\r\n\r\n", $body; $s->flush; print while <$s>;"#;

#[tokio::test(flavor = "multi_thread")]
async fn strangers_on_this_machine_may_only_ask_and_connect() {
    use std::os::unix::fs::PermissionsExt;
    let world = world().await;
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let socket = world.installation.socket();
    for directory in [world.installation.directory(), socket.parent().unwrap()] {
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o711)).unwrap();
    }
    for (method, target, scope, _) in OPERATIONS.iter().copied() {
        let mut command = if rustix::process::geteuid().is_root() {
            Command::new("setpriv")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "setpriv"]);
            sudo
        };
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--", "perl", "-e", SPEAK]);
        let output = command.arg(&socket).args([method, target, "{}"]).current_dir("/").output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{method} {target}: {output:?}"));
        if scope == "everybody" {
            assert_ne!(status, "403", "{method} {target}: {answer}");
        } else if scope == "person" {
            assert_eq!(status, "401", "{method} {target}: {answer}");
        } else {
            assert_eq!(status, "403", "{method} {target}: {answer}");
            assert!(answer.contains("root") && answer.contains("the user whom the server runs as"), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_where_it_must_not_be() {
    let world = world().await;
    let running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    let mut psql = ticket.open().unwrap();
    let account = psql.query("select current_user").unwrap();
    assert_eq!(refusal(&Ticket { secret: PASSWORD.to_owned(), ..ticket.clone() }).matches(PASSWORD).count(), 0);
    let secrets =
        [("sign-in password", PASSWORD), ("connect secret", &ticket.secret), ("administrator", &world.admin.password)];
    let look = |place: &str, content: &[u8]| {
        for (what, secret) in secrets {
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the {what} is in {place}");
        }
    };
    look("a process list", processes().join("\n").as_bytes());
    psql.leave().unwrap();
    wait::until("the account is gone", Duration::from_secs(20), || Ok(world.accounts()? == 0)).unwrap();
    running.stop().unwrap();
    let mut files = Vec::new();
    collect(world.installation.directory(), &mut files);
    assert!(
        files.iter().any(|file| file.ends_with("mayfly.db")) && files.iter().any(|file| file.ends_with("server.log"))
    );
    for file in &files {
        look(&file.display().to_string(), &std::fs::read(file).unwrap());
    }
    let log = world.server.log().unwrap();
    look("the target's log", log.as_bytes());
    // What the target was told of the account's password is its verifier, which opens nothing.
    let told: Vec<&str> = log.lines().filter(|line| line.contains(&account) && line.contains("PASSWORD")).collect();
    assert!(!told.is_empty(), "the target logs the statements");
    for line in told {
        let after = line.split_once("PASSWORD").unwrap().1.trim_start();
        assert!(after.starts_with("'SCRAM-SHA-256$1:"), "{line}");
    }
}

/// The arguments of every process on this machine.
fn processes() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines: Vec<String> = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect();
    assert!(lines.iter().any(|line| line.contains("server run")), "the server is among them");
    lines
}

fn collect(directory: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}
