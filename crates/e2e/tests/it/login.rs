//! People who sign in from another machine: what is theirs then, what is not, how it ends, and where it is kept.

use mayfly_e2e::installation::binary;
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::objects::{self, PASSWORD, Record};
use mayfly_e2e::terminal::Terminal;
use mayfly_e2e::{Installation, MachineWorld, World, wait};
use mayfly_testbed::{Flavour, host, scratch};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// The command line of somebody on another machine, who has a home there.
struct Home<'a> {
    installation: &'a Installation,
    home: PathBuf,
}

impl<'a> Home<'a> {
    fn new(installation: &'a Installation) -> Self {
        Self { installation, home: scratch::directory("home").unwrap() }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.installation.https_port)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.installation.command().unwrap();
        for name in ["MAYFLY_SOCKET", "MAYFLY_SERVER", "MAYFLY_TOKEN", "XDG_STATE_HOME", "XDG_DATA_HOME", "USER"] {
            command.env_remove(name);
        }
        command.env("HOME", &self.home).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn items(&self, arguments: &[&str]) -> Vec<Value> {
        let answer: Value = serde_json::from_str(&self.must(&[&["-o", "json"], arguments].concat())).unwrap();
        answer["items"].as_array().unwrap().clone()
    }

    fn login_with(&self, person: &str, password: &str) -> Output {
        let ca = self.installation.ca();
        let arguments = ["login", &self.url(), "--person", person, "--password-file", "-", "--ca-file"];
        let mut child = self.command(&arguments).arg(ca).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn login(&self, person: &str) -> String {
        let output = self.login_with(person, PASSWORD);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.home.join(".local/state/mayfly")
    }

    /// The file of the sign-in.
    fn file(&self) -> PathBuf {
        let mut names = std::fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path());
        names.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("sign-in-")).unwrap()
    }

    /// What is offered for the first argument of a verb.
    fn completed(&self, verb: &str) -> String {
        let mut command = self.command(&["--", "mayfly", verb, ""]);
        command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2").env("_CLAP_COMPLETE_COMP_TYPE", "9");
        let output = command.env("_CLAP_IFS", " ").stdin(Stdio::null()).output().unwrap();
        let offered = String::from_utf8(output.stdout).unwrap();
        offered.split(' ').filter(|word| !word.starts_with('-')).collect()
    }

    /// Nobody is signed in any more, and is told how to be.
    fn is_out(&self, what: &str) {
        for arguments in [&["status"][..], &["ls"], &["access", "ls"], &["sessions", "ls"]] {
            let output = self.run(arguments);
            assert_eq!(output.status.code(), Some(3), "{what}: {arguments:?}: {output:?}");
            assert!(words(&output).contains(&format!("try: mayfly login {}\n", self.url())), "{what}: {output:?}");
        }
    }
}

impl Drop for Home<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Databases that nobody reaches.
fn records(installation: &Installation) -> String {
    let ca = installation.ca();
    let of = |name: &str| {
        format!(
            "---\nkind: Database\nname: {name}\nspec:\n  database_type: postgresql\n  host: 127.0.0.1\n  \
             tls: {{mode: verify_full, ca: {{file: {}}}}}\n  default_database: {name}\n  \
             rotation: {{administrative: {name}-admin, port: 1}}\n  connection: {{protocol: postgresql, port: 1}}\n  \
             jit: {{create_ephemeral: true}}\n---\nkind: User\nname: {name}-admin\nspec: {{login: admin, resource: {name}}}\n",
            ca.display()
        )
    };
    of("orders") + &of("billing")
}

#[test]
fn somebody_signs_in_and_out_and_can_do_nothing_but_what_is_theirs() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &["orders"], false).unwrap();
    installation.must(&["apply", "-f", "-"], &(records(&installation) + &alice)).unwrap();
    let home = Home::new(&installation);
    for (person, password) in [("alice", "wrong wrong wrong"), ("nobody", PASSWORD)] {
        let refused = home.login_with(person, password);
        assert_eq!((refused.status.code(), words(&refused).as_str()), (Some(3), "error: wrong name or password\n"));
    }
    assert!(!home.folder().exists(), "nothing is kept of what was refused");
    let nobody = home.run(&["--server", &home.url(), "--ca-file", installation.ca().to_str().unwrap(), "ls"]);
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
    assert!(words(&nobody).contains(&format!("try: mayfly login {}\n", home.url())), "{nobody:?}");

    let said = home.login("alice");
    assert!(said.starts_with(&format!("alice is signed in at {} until 20", home.url())), "{said}");
    let kept: Value = serde_json::from_slice(&std::fs::read(home.file()).unwrap()).unwrap();
    let secret = kept["secret"].as_str().unwrap();
    assert_eq!((mode(&home.file()), mode(&home.folder())), (0o600, 0o700));
    assert!(!said.contains(secret) && !kept.to_string().contains(PASSWORD));
    // Neither the server nor its authority have to be named again.
    assert!(home.must(&["status"]).contains("you are       alice, signed in until 20"));
    assert!(home.must(&["ls"]).contains("orders  Database  yes"), "{}", home.must(&["ls"]));
    assert!(!home.must(&["ls", "-k", "machine", "-q"]).contains("orders"));
    assert_eq!(home.completed("db"), "orders");
    assert!(home.must(&["show", "orders"]).starts_with("orders opens for you: mayfly db orders\n"));
    assert!(home.must(&["show", "billing"]).starts_with("billing does not open for you: no such record"));
    for arguments in [
        &["user", "ls"][..],
        &["sessions", "ls", "--person", "bob"],
        &["sessions", "explain", "ses_0000000000000000"],
        &["cleanup", "ls"],
        &["audit", "tail"],
        &["user", "disable", "bob"],
        &["export"],
        &["connect", "billing"],
        &["connect", "nothing"],
    ] {
        let refused = home.run(arguments);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(4), 0), "{arguments:?}: {refused:?}");
    }
    let others = home.run(&["access", "end", "ses_0000000000000000"]);
    assert_eq!(others.status.code(), Some(5), "{others:?}");

    // Signing in again takes the one before back; signing out the last one.
    home.login("alice");
    let before = home.run_with_token(secret, &["status"]);
    assert!(String::from_utf8_lossy(&before.stdout).contains("not an administrator"), "{before:?}");
    let kept: Value = serde_json::from_slice(&std::fs::read(home.file()).unwrap()).unwrap();
    let last = kept["secret"].as_str().unwrap().to_owned();
    assert!(home.must(&["logout"]).starts_with("alice is signed out"));
    assert_eq!(std::fs::read_dir(home.folder()).unwrap().count(), 0);
    let after = home.run_with_token(&last, &["ls"]);
    assert_eq!(after.status.code(), Some(3), "{after:?}");

    let trail = installation.must(&["-o", "jsonl", "audit", "tail", "-n", "all"], "").unwrap();
    let of = |kind: &str| installation.events(kind).unwrap();
    let (signed_in, issued, revoked) = (of("signin.succeeded"), of("person_token.issued"), of("person_token.revoked"));
    assert_eq!((signed_in.len(), issued.len(), revoked.len()), (2, 2, 2), "{trail}");
    for event in signed_in.iter().chain(&issued) {
        assert!(event.to_string().contains("\"source\":\"127.0.0.1\""), "{event}");
    }
    assert!(revoked.iter().all(|event| event["actor"] == "person:alice"), "{revoked:?}");
    let files =
        std::fs::read_dir(installation.data()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    for content in files.chain([trail.into_bytes(), installation.log().into_bytes()]) {
        for secret in [secret, &last] {
            let random = &secret.as_bytes()[secret.len() - 64..];
            assert!(!content.windows(64).any(|window| window == random), "a token is kept");
        }
    }
}

#[test]
fn somebody_at_a_terminal_is_asked_for_their_name_and_password() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &[], false).unwrap();
    installation.must(&["apply", "-f", "-"], &alice).unwrap();
    let home = Home::new(&installation);
    let program = binary().unwrap();
    let line = format!("{} login {} --ca-file {}", program.display(), home.url(), installation.ca().display());
    let mut terminal = Terminal::run(&line, |command| {
        for name in ["MAYFLY_SOCKET", "MAYFLY_SERVER", "MAYFLY_TOKEN", "MAYFLY_PERSON", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", &home.home).env("USER", "al");
    })
    .unwrap();
    terminal.shows("name [al]: ", LIMIT).unwrap();
    terminal.types("alice\n").unwrap();
    terminal.shows("password of alice: ", LIMIT).unwrap();
    terminal.types(&format!("{PASSWORD}\n")).unwrap();
    let shown = terminal.shows("alice is signed in at ", LIMIT).unwrap();
    assert!(!shown.contains(PASSWORD), "the password is not shown: {shown}");
    terminal.ends(LIMIT).unwrap();
    assert!(home.must(&["status"]).contains("you are       alice, signed in until 20"));
}

impl Home<'_> {
    /// Runs a verb with a token that is no longer the one that is kept.
    fn run_with_token(&self, token: &str, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command
            .env("MAYFLY_SERVER", self.url())
            .env("MAYFLY_CA_FILE", self.installation.ca())
            .env("MAYFLY_TOKEN", token);
        command.stdin(Stdio::null()).output().unwrap()
    }
}

#[test]
fn a_sign_in_is_void_with_what_it_rests_on_and_does_not_come_back() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &["orders"], false).unwrap();
    let changed = objects::person(&installation, "alice", &["orders"], false).unwrap();
    let apply = |text: &str| installation.must(&["apply", "-f", "-"], text).unwrap();
    let must = |arguments: &[&str]| installation.must(arguments, "").unwrap();
    let home = Home::new(&installation);
    let lift = |named: &'static str| {
        move |home: &Home<'_>| {
            let locked = home.login_with("alice", PASSWORD);
            assert_eq!(locked.status.code(), Some(4), "{locked:?}");
            home.installation.must(&["lockdown", "lift", named], "").unwrap();
        }
    };
    type Undo<'b> = Box<dyn Fn(&Home<'_>) + 'b>;
    let ends: [(&str, &dyn Fn() -> String, Undo<'_>); 5] = [
        (
            "a lockdown of the person",
            &|| must(&["lockdown", "--user", "alice", "--reason", "x"]),
            Box::new(lift("person:alice")),
        ),
        ("a lockdown of all", &|| must(&["lockdown", "--all", "--reason", "x"]), Box::new(lift("all"))),
        (
            "switched off",
            &|| must(&["user", "disable", "alice"]),
            Box::new(|_| drop(must(&["user", "enable", "alice"]))),
        ),
        // Another hash, if of the same password.
        ("another password", &|| apply(&changed), Box::new(|_| drop(apply(&alice)))),
        ("deleted", &|| must(&["user", "delete", "alice", "--yes"]), Box::new(|_| drop(apply(&alice)))),
    ];
    apply(&(records(&installation) + &alice));
    for (what, end, undo) in &ends {
        home.login("alice");
        must(&["lockdown", "--record", "orders", "--reason", "x"]);
        home.must(&["status"]);
        must(&["lockdown", "lift", "record:orders"]);
        end();
        home.is_out(what);
        undo(&home);
        home.is_out(what);
    }
    // An administrator's set that leaves the person as they were changes nothing.
    home.login("alice");
    apply(&alice.replace("[orders]", "[orders, billing]"));
    assert!(home.must(&["ls"]).contains("billing"));
}

#[test]
fn a_sign_in_that_others_could_touch_is_not_used() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &[], false).unwrap();
    installation.must(&["apply", "-f", "-"], &alice).unwrap();
    let home = Home::new(&installation);
    home.login("alice");
    let (file, folder) = (home.file(), home.folder());
    let set = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let refused = |said: &str| {
        let output = home.run(&["status"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}: {output:?}");
        assert!(words(&output).contains(said) && words(&output).contains("try: rm "), "{said}: {output:?}");
    };
    set(&file, 0o640);
    refused("its mode is 0640");
    set(&file, 0o600);
    set(&folder, 0o777);
    refused("its mode is 0777");
    set(&folder, 0o700);
    let moved = home.home.join("elsewhere");
    std::fs::rename(&file, &moved).unwrap();
    symlink(&moved, &file).unwrap();
    refused("it is a symbolic link");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    refused("it is no ordinary file");
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&moved, &file).unwrap();
    home.must(&["status"]);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&file, Some(12_345), None).unwrap();
        refused("it belongs to the user with the id 12345");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
    }
    std::fs::write(&file, "{}").unwrap();
    let broken = home.run(&["status"]);
    assert!(words(&broken).contains("is not a sign-in") && words(&broken).contains("try: rm "), "{broken:?}");
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let installation = Installation::init().unwrap();
    let server = installation.start().unwrap();
    let alice = objects::person(&installation, "alice", &[], false).unwrap();
    installation.must(&["apply", "-f", "-"], &alice).unwrap();
    let home = Home::new(&installation);
    let look = |arguments: &[&str]| {
        let output = home.run(&[&["doctor"], arguments].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    // A server whose certificate is not believed, and one that nobody has signed in at.
    let (code, said) = look(&["--server", &home.url()]);
    assert_eq!(code, Some(12), "{said}");
    assert!(
        said.contains("ok       server: ") && said.contains("FAILED   answer: ") && said.contains("--ca-file"),
        "{said}"
    );
    let ca = installation.ca();
    let (code, said) = look(&["--server", &home.url(), "--ca-file", ca.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("missing  sign-in: ") && said.contains(&format!("try: mayfly login {}", home.url())),
        "{said}"
    );
    home.login("alice");
    let (code, said) = look(&[]);
    assert_eq!(code, Some(0), "{said}");
    let own = format!("localhost:{} is reached", installation.ssh_port);
    for line in [
        "sign-in: alice is signed in until 20",
        "with a certificate that is believed",
        "s from the server's",
        ", as the server",
        "health: the server is ready",
        "postgresql port: localhost:",
        &own,
        "host key: not kept yet",
        "ssh: /",
        "psql: /",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let items = home.items(&["doctor"]);
    assert!(items.iter().any(|item| item["what"] == "clock" && item["state"] == "ok"), "{items:?}");
    // No program is there, and the sign-in is void.
    installation.must(&["user", "disable", "alice"], "").unwrap();
    let bare = home.command(&["doctor"]).env("PATH", "/nowhere").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&bare.stdout).into_owned();
    assert_eq!(bare.status.code(), Some(12), "{said}");
    assert!(said.contains("FAILED   sign-in: the sign-in of alice has ended or is void"), "{said}");
    assert!(said.contains("missing  psql: ") && said.contains("apt install openssh-client"), "{said}");
    // Somebody who is in no hurry, but not for ever.
    server.signal(rustix::process::Signal::STOP).unwrap();
    let tasks = PathBuf::from(format!("/proc/{}/task", server.pid()));
    wait::until("every thread of the server stands still", LIMIT, || {
        let state = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        Ok(std::fs::read_dir(&tasks)?.all(|task| task.is_ok_and(|task| state(task).contains(") T "))))
    })
    .unwrap();
    let late = home.run(&["--timeout", "1", "sessions", "ls"]);
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    assert!(words(&late).contains("did not answer within 1 s"), "{late:?}");
    server.signal(rustix::process::Signal::CONT).unwrap();
    server.stop().unwrap();
    let (code, said) = look(&[]);
    assert_eq!((code, said.lines().count()), (Some(12), 1), "{said}");
    assert!(said.starts_with("FAILED   server: ") && said.contains("nothing listens there"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_signed_in_connects_without_a_password_and_ends_their_own_sessions() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let _running = world.serve(&["alice", "bob"], &[(Record::new("orders"), None)]).unwrap();
    let home = Home::new(&world.installation);
    home.login("alice");
    assert!(home.must(&["ls"]).contains("orders  Database  yes"), "{}", home.must(&["ls"]));
    let asked = home.must(&["db", "orders", "-q", "--", "-X", "-A", "-t", "-c", "select 'as ' || current_user"]);
    assert!(asked.starts_with("as keeper_"), "{asked}");
    let by_name =
        home.must(&["connect", "orders", "-q", "--exec", "psql", "--", "-X", "-A", "-t", "-c", "select 1 + 1"]);
    assert_eq!(by_name, "2\n");
    let printed: Value = serde_json::from_str(&home.must(&["connect", "orders", "--json"])).unwrap();
    let kept: Value = serde_json::from_slice(&std::fs::read(home.file()).unwrap()).unwrap();
    let ends = |value: &Value| value["expires_at"].as_str().unwrap().to_owned();
    assert!(ends(&printed) <= ends(&kept), "a secret lasts no longer than the sign-in: {printed}");

    let bob = world.ticket("bob", "orders").unwrap();
    let mut his = bob.open().unwrap();
    let mut hers = home.command(&["db", "orders", "-q", "--", "-X", "-A", "-t", "-q"]).spawn().unwrap();
    hers.stdin.as_mut().unwrap().write_all(b"select 'open';\n").unwrap();
    let mut said = [0; 5];
    hers.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"open\n");
    let own = home.items(&["sessions", "ls"]);
    assert!(!own.is_empty() && own.iter().all(|session| session["person"] == "alice"), "{own:?}");
    let all = world.installation.sessions().unwrap();
    let his_id = all.iter().find(|session| session["person"] == "bob").unwrap()["id"].as_str().unwrap().to_owned();
    let refused = home.run(&["access", "end", &his_id]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    assert!(words(&refused).contains("you have no session"), "{refused:?}");
    let refused = home.run(&["sessions", "end", &his_id]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    let her_id = own.iter().find(|session| session["state"] == "live").unwrap()["id"].as_str().unwrap().to_owned();
    home.must(&["access", "end", &her_id, "--reason", "gone home"]);
    wait::until("her connection is cut", LIMIT, || {
        let _ = hers.stdin.as_mut().unwrap().write_all(b"select 1;\n");
        Ok(hers.try_wait()?.is_some())
    })
    .unwrap();
    his.query("select 1").unwrap();
    let ended = world.installation.events("session.stopped").unwrap();
    let is_hers = |event: &&Value| event["session"] == her_id.as_str();
    let event = ended.iter().find(is_hers).unwrap();
    assert_eq!(
        (&event["actor"], &event["reason"]),
        (&Value::from("person:alice"), &Value::from("gone home")),
        "{event}"
    );
    drop(his);
    world.as_before("people who signed in").await.unwrap();
}

#[test]
fn whoever_has_signed_in_reaches_machines_without_a_password_from_several_terminals() {
    let world = MachineWorld::new(host::Flavour::Plain, "").unwrap();
    let _running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    let home = Home::new(&world.installation);
    let passwords = || world.installation.events("signin.succeeded").unwrap().len();
    let before = passwords();
    home.login("alice");
    assert!(home.must(&["ls", "-k", "machine"]).contains("web01   Machine  yes"), "{}", home.must(&["ls"]));
    // A shell that stays, beside which others come and go: each has a secret of its own.
    let mut shell = home.command(&["ssh", "web01", "-q", "--", "id -un; cat"]).spawn().unwrap();
    let mut account = [0; 7];
    shell.stdout.as_mut().unwrap().read_exact(&mut account).unwrap();
    assert_eq!(&account, b"keeper_");
    let file = home.home.join("file");
    std::fs::write(&file, "carried\n").unwrap();
    home.must(&["scp", "-q", "--", "-q", file.to_str().unwrap(), "web01:/tmp/by-scp"]);
    home.must(&["rsync", "-q", "--", "-q", file.to_str().unwrap(), "web01:/tmp/by-rsync"]);
    assert_eq!(home.must(&["ssh", "web01", "-q", "--", "cat /tmp/by-scp /tmp/by-rsync"]), "carried\ncarried\n");
    let mut sftp = home.command(&["sftp", "web01", "-q", "--", "-q", "-b", "-"]).spawn().unwrap();
    sftp.stdin.take().unwrap().write_all(b"rm /tmp/by-scp\nrm /tmp/by-rsync\n").unwrap();
    let output = sftp.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    shell.stdin.take().unwrap().write_all(b"still here\n").unwrap();
    let rest = String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap();
    assert!(rest.ends_with("\nstill here\n"), "{rest}");
    let used = world.installation.events("connect_secret.used").unwrap();
    let secrets: std::collections::BTreeSet<_> =
        used.iter().map(|event| event["detail"]["secret"].to_string()).collect();
    assert_eq!((used.len(), secrets.len()), (5, 5), "{used:?}");
    assert_eq!(passwords(), before + 1, "the password was given once");
    world.as_before("somebody who has signed in").unwrap();
}
