//! Another server at a target's address, with the right certificate and the right passwords: nothing is opened on it until an
//! administrator has said that it was replaced on purpose.

use mayfly_e2e::objects::Record;
use mayfly_e2e::terminal::Terminal;
use mayfly_e2e::{World, installation, wait};
use mayfly_testbed::Flavour;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Puts the databases of one stopped server in the place of another's; its settings and certificate stay.
pub(crate) fn replace(data: &Path, by: &Path) {
    let kept = |path: &Path| {
        path.extension().is_some_and(|kind| ["conf", "crt", "key", "pem", "opts"].iter().any(|k| kind == *k))
    };
    for entry in std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !kept(path)) {
        if entry.is_dir() { std::fs::remove_dir_all(entry) } else { std::fs::remove_file(entry) }.unwrap();
    }
    for entry in std::fs::read_dir(by).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !kept(path)) {
        let copied = std::process::Command::new("cp").arg("-a").arg(&entry).arg(data).status().unwrap();
        assert!(copied.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_opened_on_another_server_before_it_is_confirmed() {
    let world = World::new(Flavour::Debian15, "").await.unwrap();
    let other = World::new(Flavour::Debian15, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = world.ticket("alice", "orders").unwrap();
    assert!(ticket.query("select current_user").unwrap().starts_with("keeper_"));
    world.as_before("the first session").await.unwrap();
    let was = world.ask("select system_identifier from pg_control_system()").unwrap();

    world.server.stop_fast().unwrap();
    other.server.stop_fast().unwrap();
    replace(&world.server.handle().data_dir(), &other.server.handle().data_dir());
    world.server.restart().unwrap();
    let is = world.ask("select system_identifier from pg_control_system()").unwrap();
    assert_ne!(is, was);
    world.installation.must(&["secret", "set", "orders-admin", "--secret-file", "-"], &other.admin.password).unwrap();

    let refused = String::from_utf8(ticket.psql("select 1").unwrap().stderr).unwrap();
    assert!(
        refused.contains(&is) && refused.contains(&was) && refused.contains("mayfly record pin orders"),
        "{refused}"
    );
    assert_eq!(world.accounts().unwrap(), 0);
    let check = world.installation.run(&["record", "check", "orders"]).unwrap();
    let check = String::from_utf8(check.stdout).unwrap();
    assert!(check.contains("another server answers there"), "{check}");
    assert_eq!(world.installation.events("target.identity_changed").unwrap().len(), 1);

    let wrong =
        world.installation.run(&["record", "pin", "orders", "--identity", &format!("postgresql:{was}")]).unwrap();
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("nothing was pinned"), "{wrong:?}");
    for (answer, pinned) in [("n", false), ("y", true)] {
        let socket = world.installation.socket().display().to_string();
        let line = format!("{} --socket {socket} record pin orders", installation::binary().unwrap().display());
        let mut terminal = Terminal::run(&line, |_| {}).unwrap();
        terminal.shows("[y/N] ", LIMIT).unwrap();
        terminal.types(&format!("{answer}\n")).unwrap();
        let end = terminal.ends(LIMIT);
        assert_eq!(end.is_ok(), pinned, "{end:?}");
        assert_eq!(ticket.psql("select 1").unwrap().status.success(), pinned);
    }
    wait::until("the last session is gone", LIMIT, || Ok(world.accounts()? == 0)).unwrap();
    let pinned = world.installation.events("target.pinned").unwrap();
    let told = pinned[0].to_string();
    assert!(pinned.len() == 1 && told.contains(&was) && told.contains(&is), "{pinned:?}");
}
