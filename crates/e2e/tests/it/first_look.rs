//! What a newcomer does first, driven through a real terminal: the demo, and the README's first five minutes as written.

use mayfly_e2e::installation::binary;
use mayfly_e2e::objects::PASSWORD;
use mayfly_e2e::terminal::Terminal;
use mayfly_testbed::{Flavour, Options, Postgres, admin, fixtures, free_port, scratch};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The lines of the README's block, as they are.
fn first_five_minutes() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("## The first five minutes").expect("the README has the section");
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block.lines().map(str::to_owned).collect()
}

/// A shell whose editor writes this server's facts into the file, as the person would.
fn shell(home: &Path, server: &Postgres) -> Terminal {
    let editor = home.join("editor.sh");
    let (port, ca) = (server.handle().port(), server.handle().ca_path());
    let edit = format!(
        "#!/bin/sh\nset -eu\nsed -i 's|db1.example.com|127.0.0.1|; s|db1-ca.pem|{}|; s|port: 5432|port: {port}|' \"$1\"\n",
        ca.display()
    );
    std::fs::write(&editor, edit).unwrap();
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // The README builds a release; the binary under test is the one that is built already.
    let path = format!("{}:{}", binary().unwrap().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let (broker, work) = (free_port().unwrap(), home.join("work"));
    std::fs::create_dir(&work).unwrap();
    std::os::unix::fs::symlink(root().join("docs"), work.join("docs")).unwrap();
    let settings = home.join("bashrc");
    std::fs::write(&settings, "PS1='ready> '\n").unwrap();
    Terminal::run(&format!("bash --noprofile --rcfile {}", settings.display()), |command| {
        command
            .current_dir(&work)
            .env("HOME", home)
            .env("PATH", path)
            .env("EDITOR", &editor)
            // Tests listen on loopback only, and on a port that is free.
            .env("MAYFLY__LISTEN__POSTGRES", format!("127.0.0.1:{broker}"))
            .env("MAYFLY__LISTEN__SSH", format!("127.0.0.1:{}", free_port().unwrap()));
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_five_minutes_of_the_readme_work_as_written() {
    let server = Postgres::start(Options::new(Flavour::Debian15)).unwrap();
    fixtures::create(server.handle()).await.unwrap();
    let admin = admin::create(server.handle(), &fixtures::ROLES, &fixtures::DATABASES).await.unwrap();
    let home = scratch::directory("readme").unwrap();
    let mut terminal = shell(&home, &server);
    let lines = first_five_minutes();
    assert_eq!(lines.len(), 10, "ten lines were promised");
    for line in lines.iter().skip(1) {
        terminal.shows("ready> ", SOON).unwrap();
        terminal.types(&format!("{line}\n")).unwrap();
        if line.contains("server init") {
            let shown = terminal.shows("type it back", SOON).unwrap();
            let is_key = |word: &&str| word.len() == 44 && word.split('-').count() == 9;
            let key = shown.split_whitespace().find(is_key).expect("the recovery key is shown").to_owned();
            terminal.types(&format!("{key}\n")).unwrap();
        }
        if line.contains("server run") {
            // A person takes a breath here.
            terminal.shows("ready> ", SOON).unwrap();
            terminal
                .types("until mayfly --socket ~/mayfly/run/mayfly.sock status > /dev/null 2>&1; do sleep 0.1; done\n")
                .unwrap();
        }
        if line.contains("user passwd") {
            terminal.shows("new password: ", SOON).unwrap();
            terminal.types(&format!("{PASSWORD}\n")).unwrap();
            terminal.shows("the same again: ", SOON).unwrap();
            terminal.types(&format!("{PASSWORD}\n")).unwrap();
        }
        if line.contains("secret set") {
            terminal.shows("secret of orders-admin: ", SOON).unwrap();
            terminal.types(&format!("{}\n", admin.password)).unwrap();
        }
        if line.contains("record check") {
            let shown = terminal.shows("in excess", SOON).unwrap();
            assert!(shown.contains("\"mayfly_admin\" may make and remove accounts"), "{shown}");
        }
    }
    terminal.shows("password of alice for orders: ", SOON).unwrap();
    terminal.types(&format!("{PASSWORD}\n")).unwrap();
    terminal.shows("orders=> ", SOON).unwrap();
    terminal.types("select current_user;\n").unwrap();
    terminal.shows("keeper_", SOON).unwrap();
    terminal.shows("orders=> ", SOON).unwrap();
    terminal.types("\\q\n").unwrap();
    terminal.shows("ready> ", SOON).unwrap();
    terminal.types("kill %1; wait; exit\n").unwrap();
    terminal.ends(SOON).unwrap();
    let left = server.handle().psql(&["-Atc", "select count(*) from pg_roles where rolname ~ '^keeper_'"]).unwrap();
    assert_eq!(left.trim(), "0", "the server's stop took the session out");
    std::fs::remove_dir_all(&home).unwrap();
}

#[test]
fn the_demo_shows_a_session_stays_up_and_leaves_nothing() {
    let demo = binary().unwrap().with_file_name("demo");
    let mut terminal = Terminal::run(demo.to_str().unwrap(), |_| {}).unwrap();
    let before = terminal.shows("== During", SOON).unwrap();
    assert!(before.contains("permission denied for table orders"), "{before}");
    let during = terminal.shows("== She leaves", SOON).unwrap();
    assert!(during.contains("keeper_") && during.contains("readonly"), "{during}");
    let after = terminal.shows("== Starting a throw-away Linux host", SOON).unwrap();
    assert!(!after.contains("keeper_"), "{after}");
    // The first time what hosts are made of is built.
    let before = terminal.shows("== During", 5 * SOON).unwrap();
    assert!(!before.contains("keeper_"), "{before}");
    let during = terminal.shows("== What she saw", SOON).unwrap();
    assert!(during.contains("keeper_"), "{during}");
    let seen = terminal.shows("== She has left the host", SOON).unwrap();
    assert!(seen.contains("uid=0(root)"), "{seen}");
    let after = terminal.shows("== The trail", SOON).unwrap();
    assert!(!after.contains("keeper_"), "{after}");
    let trail = terminal.shows("It stays up until Ctrl-C", SOON).unwrap();
    assert!(trail.contains("account.removed") && trail.contains("good: "), "{trail}");
    let commands = terminal.shows("mayfly audit verify", SOON).unwrap();
    let socket =
        commands.split("MAYFLY_SOCKET=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned();
    let listed =
        std::process::Command::new(binary().unwrap()).args(["--socket", &socket, "ls", "-o", "name"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("orders"), "{listed:?}");
    terminal.types("\x03").unwrap();
    terminal.shows("everything that the demo started is gone", SOON).unwrap();
    terminal.ends(SOON).unwrap();
    let directory = Path::new(&socket).ancestors().nth(2).unwrap();
    assert!(!directory.exists(), "{} is left", directory.display());
}
