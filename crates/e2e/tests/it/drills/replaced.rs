//! Another server takes a target's address in mid-session, with everything of the old one's roles on it: nothing is removed from it
//! before it is confirmed, and what came along is then found.

use super::{refused, scan};
use crate::identity::replace;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_from_a_server_that_took_the_place_of_another() {
    let world = World::new(Flavour::Debian15, "").await.unwrap();
    let other = World::new(Flavour::Debian15, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let mayfly = &world.installation;
    let mut psql = world.ticket("alice", "orders").unwrap().open().unwrap();
    let account = psql.query("select current_user").unwrap();
    let identity = "select 'postgresql:' || system_identifier from pg_control_system()";
    let was = world.ask(identity).unwrap();
    let mark = world
        .ask(&format!("select shobj_description(oid, 'pg_authid') from pg_roles where rolname = '{account}'"))
        .unwrap();
    // The roles of the old server were put on the new one.
    other.ask(&format!("create role {account} login")).unwrap();
    other.ask(&format!("comment on role {account} is '{mark}'")).unwrap();
    world.server.stop_fast().unwrap();
    other.server.stop_fast().unwrap();
    replace(&world.server.handle().data_dir(), &other.server.handle().data_dir());
    world.server.restart().unwrap();
    drop(psql);
    mayfly.must(&["secret", "set", "orders-admin", "--secret-file", "-"], &other.admin.password).unwrap();

    let met = || Ok(mayfly.owed()?.iter().any(|change| change["failure_class"] == "identity_changed"));
    wait::until("the removal meets another server", LIMIT, met).unwrap();
    let untouched = format!("select rolcanlogin from pg_roles where rolname = '{account}'");
    assert_eq!(world.ask(&untouched).unwrap(), "t", "nothing was done to what has our name and our mark");
    assert!(scan(mayfly).is_empty(), "another server is not searched");
    let known = mayfly.run(&["orphans", "ls"]).unwrap();
    let known = (known.status.code(), String::from_utf8(known.stdout).unwrap());
    assert!(known.0 == Some(12) && known.1.contains("NOT SCANNED") && known.1.contains("record pin"), "{known:?}");
    let (code, said) = refused(mayfly, &["orphans", "remove", &account]);
    assert_eq!(code, Some(5), "{said}");

    let said = mayfly.must(&["target", "write-off", &was, "--reason", "replaced by a new cluster"], "").unwrap();
    assert!(said.contains("with 1 changes"), "{said}");
    let is = world.ask(identity).unwrap();
    mayfly.must(&["record", "pin", "orders", "--identity", &is], "").unwrap();
    let found = scan(mayfly);
    assert!(found.len() == 1 && found[0]["removable"] == true && found[0]["target"] == is.as_str(), "{found:?}");
    mayfly.must(&["orphans", "remove", &account], "").unwrap();
    assert_eq!(world.accounts().unwrap(), 0);
    let owed = mayfly.owed().unwrap();
    assert!(owed.len() == 1 && owed[0]["state"] == "written_off" && owed[0]["target"] == was.as_str(), "{owed:?}");
    mayfly.verify_trail().unwrap();
}
