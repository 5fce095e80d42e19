//! A target is put back from a copy that was taken in mid-session: the account of a session that is long over is there again, and
//! nothing in the ledger speaks for it.

use super::{refused, scan};
use crate::identity::replace;
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{MachineWorld, World, wait};
use mayfly_testbed::{Flavour, host};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Accounts that look like ours and are not: one that somebody else named so, and one of another installation.
const STRANGERS: &str = "CREATE ROLE keeper_0000000000abc LOGIN; CREATE ROLE keeper_0000000000abd LOGIN; \
    COMMENT ON ROLE keeper_0000000000abd IS 'mayfly ins_0000000000000abd ses_0000000000000abd'";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_of_a_database_server_brings_back_is_found_and_removed() {
    let mut world = World::new(Flavour::Debian15, STRANGERS).await.unwrap();
    world.settle().await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let mayfly = &world.installation;
    let found = scan(mayfly);
    assert_eq!(found.len(), 2, "{found:?}");
    let whose: Vec<_> = found.iter().map(|orphan| (orphan["whose"].as_str(), orphan["removable"].as_bool())).collect();
    assert_eq!(whose, [(Some("unmarked"), Some(false)), (Some("another"), Some(false))], "{found:?}");
    for stranger in ["keeper_0000000000abc", "keeper_0000000000abd"] {
        let (code, said) = refused(mayfly, &["orphans", "remove", stranger]);
        assert!(code == Some(10) && said.contains("not ours to remove"), "{code:?} {said}");
    }

    // A session that runs is no orphan; a copy of the target is taken while it does.
    let ticket = world.ticket("alice", "orders").unwrap();
    let mut psql = ticket.open().unwrap();
    let account = psql.query("select current_user").unwrap();
    assert_eq!(scan(mayfly).len(), 2);
    world.ask(&format!("alter role {account} rename to renamed")).unwrap();
    assert_eq!(scan(mayfly).len(), 2, "nor is one that was renamed");
    world.ask(&format!("alter role renamed rename to {account}")).unwrap();
    world.server.stop_fast().unwrap();
    let (data, copy) = (world.server.handle().data_dir(), mayfly.directory().join("copy"));
    assert!(std::process::Command::new("cp").arg("-a").args([&data, &copy]).status().unwrap().success());
    world.server.restart().unwrap();
    drop(psql);
    wait::until("the session is out", LIMIT, || Ok(mayfly.sessions()?.is_empty() && mayfly.owed()?.is_empty()))
        .unwrap();
    assert_eq!(world.accounts().unwrap(), 1, "only the other installation's is left");

    world.server.stop_fast().unwrap();
    replace(&data, &copy);
    world.server.restart().unwrap();
    assert_eq!(world.accounts().unwrap(), 2, "the copy brings the account back");
    let orphan = scan(mayfly).into_iter().find(|orphan| orphan["account"] == account.as_str()).unwrap();
    assert_eq!((&orphan["whose"], &orphan["removable"]), (&"ours".into(), &true.into()), "{orphan}");
    assert!(
        orphan["deadline"].is_string() && orphan["session"].is_string() && orphan["can_log_in"] == true,
        "{orphan}"
    );
    assert_eq!(mayfly.events("orphan.found").unwrap().len(), 3, "each is news once");

    mayfly.must(&["orphans", "ignore", &account, "--for", "1h", "--reason", "somebody looks into it"], "").unwrap();
    let shown = mayfly.must(&["orphans", "ls"], "").unwrap();
    assert!(!shown.contains(&account) && shown.contains("not ours: no mark"), "{shown}");
    let done = mayfly.must(&["orphans", "remove", &account], "").unwrap();
    assert!(done.contains("is absent"), "{done}");
    assert_eq!(mayfly.events("orphan.taken_up").unwrap().len(), 1);
    assert_eq!(mayfly.events("account.removed").unwrap().len(), 2);
    world.all_strangers_stay();
    let (code, _) = refused(mayfly, &["orphans", "remove", &account]);
    assert_eq!(code, Some(5), "it is not found any more");
    let difference = world.difference().await.unwrap();
    assert!(difference.is_empty(), "{difference}");
    mayfly.verify_trail().unwrap();

    // A right that is missing keeps it from being searched, and that is said.
    world.ask("revoke execute on function pg_catalog.pg_control_system() from public, mayfly_admin").unwrap();
    world.server.stop_fast().unwrap();
    world.server.restart().unwrap();
    scan(mayfly);
    let known = String::from_utf8(mayfly.run(&["-o", "json", "orphans", "ls"]).unwrap().stdout).unwrap();
    assert!(known.contains("not_scanned") && known.contains("not_permitted"), "{known}");
    assert!(known.contains("GRANT EXECUTE ON FUNCTION"), "{known}");
    assert!(known.contains("keeper_0000000000abd"), "what was found before is still known: {known}");
}

trait Strangers {
    fn all_strangers_stay(&self);
}

impl Strangers for World {
    fn all_strangers_stay(&self) {
        let left =
            self.ask("select string_agg(rolname, ' ' order by rolname) from pg_roles where rolname like 'keeper%'");
        assert_eq!(left.unwrap(), "keeper_0000000000abc keeper_0000000000abd");
    }
}

/// The files in which a host keeps its accounts are put back, with a home.
#[test]
fn what_a_backup_of_a_host_brings_back_is_found_and_removed() {
    let world = MachineWorld::new(host::Flavour::Plain, "useradd -M keeper_0000000000abc").unwrap();
    let record = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], None).unwrap();
    let mayfly = &world.installation;
    let found = scan(mayfly);
    assert!(found.len() == 1 && found[0]["whose"] == "unmarked", "{found:?}");
    let mut shell = world.open("alice", "web01").unwrap();
    let account = shell.query("id -un").unwrap();
    let copied = "cd / && tar cf /opt/copy.tar etc/passwd etc/shadow etc/group etc/gshadow etc/sudoers.d home";
    world.host.run(&["sh", "-c", copied]).unwrap();
    assert_eq!(scan(mayfly).len(), 1);
    shell.leave().unwrap();
    wait::until("the session is out", LIMIT, || Ok(mayfly.sessions()?.is_empty() && mayfly.owed()?.is_empty()))
        .unwrap();

    world.host.run(&["sh", "-c", "cd / && tar xf /opt/copy.tar && rm /opt/copy.tar"]).unwrap();
    let orphan = scan(mayfly).into_iter().find(|orphan| orphan["account"] == account.as_str()).unwrap();
    assert_eq!((&orphan["whose"], &orphan["removable"]), (&"ours".into(), &true.into()), "{orphan}");
    assert!(orphan["made"].is_string() && orphan["deadline"].is_string(), "{orphan}");
    let done = mayfly.must(&["orphans", "remove", &account], "").unwrap();
    assert!(done.contains("is absent"), "{done}");
    world.as_before("a host that was put back").unwrap();
    assert!(world.host.run(&["id", "keeper_0000000000abc"]).is_ok());
}
