//! The README's first five minutes as written, through a real terminal, and the installation that comes of them.

use mayfly_e2e::installation::binary;
use mayfly_e2e::objects::PASSWORD;
use mayfly_e2e::terminal::Terminal;
use mayfly_e2e::{Installation, World};
use mayfly_testbed::{PostgresHandle, free_port};
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
fn shell(home: &Path, server: &PostgresHandle) -> Terminal {
    let editor = home.join("editor.sh");
    let (port, ca) = (server.port(), server.ca_path());
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
            .env("MAYFLY__LISTEN__MYSQL", format!("127.0.0.1:{}", free_port().unwrap()))
            .env("MAYFLY__LISTEN__MARIADB", format!("127.0.0.1:{}", free_port().unwrap()))
            .env("MAYFLY__LISTEN__MSSQL", format!("127.0.0.1:{}", free_port().unwrap()))
            .env("MAYFLY__LISTEN__SSH", format!("127.0.0.1:{}", free_port().unwrap()));
    })
    .unwrap()
}

/// Does what the README says with the target of this world, which takes the place of the reader's own. The session that ends it has
/// left nothing there, and the server is stopped.
pub(crate) fn follow(home: &Path, world: &World) -> Installation {
    let mut terminal = shell(home, world.server.handle());
    let lines = first_five_minutes();
    assert_eq!(lines.len(), 10, "ten lines were promised");
    for line in lines.iter().skip(1) {
        terminal.shows("ready> ", SOON).unwrap();
        terminal.types(&format!("{line}\n")).unwrap();
        answer(&mut terminal, line, &world.admin.password);
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
    assert_eq!(world.accounts().unwrap(), 0, "the server's stop took the session out");
    Installation::adopt(home.join("mayfly")).unwrap()
}

/// What the person types where a line asks, and what they see.
fn answer(terminal: &mut Terminal, line: &str, secret: &str) {
    let mut twice = |first: &str, second: &str, text: &str| {
        for asked in [first, second] {
            terminal.shows(asked, SOON).unwrap();
            terminal.types(&format!("{text}\n")).unwrap();
        }
    };
    if line.contains("server init") {
        let shown = terminal.shows("type it back", SOON).unwrap();
        let is_key = |word: &&str| word.len() == 44 && word.split('-').count() == 9;
        let key = shown.split_whitespace().find(is_key).expect("the recovery key is shown").to_owned();
        terminal.types(&format!("{key}\n")).unwrap();
    } else if line.contains("server run") {
        // A person takes a breath here.
        terminal.shows("ready> ", SOON).unwrap();
        let ready = "until mayfly --socket ~/mayfly/run/mayfly.sock status > /dev/null 2>&1; do sleep 0.1; done\n";
        terminal.types(ready).unwrap();
    } else if line.contains("user passwd") {
        twice("new password: ", "the same again: ", PASSWORD);
    } else if line.contains("secret set") {
        terminal.shows("secret of orders-admin: ", SOON).unwrap();
        terminal.types(&format!("{secret}\n")).unwrap();
    } else if line.contains("record check") {
        let shown = terminal.shows("in excess", SOON).unwrap();
        assert!(shown.contains("\"mayfly_admin\" may make and remove accounts"), "{shown}");
    }
}
