//! One person on a host and in a database at the same time, served by one installation: two sessions, each with an account of
//! its own, that know nothing of each other. Both end, and both targets are as they were.

use mayfly_e2e::machine::{self, MachineRecord};
use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::{MachineWorld, Prompt, World, wait};
use mayfly_testbed::{Flavour, host};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

struct Both {
    database: World,
    machine: MachineWorld,
}

impl Both {
    /// Alice on both, and the names of her accounts.
    fn open(&self) -> ([Prompt; 2], [String; 2]) {
        let mut shell = self.machine.open("alice", "web01").unwrap();
        let mut psql = self.database.ticket("alice", "orders").unwrap().open().unwrap();
        let accounts = [shell.query("id -un").unwrap(), psql.query("select current_user").unwrap()];
        assert!(accounts.iter().all(|name| name.starts_with("keeper_")) && accounts[0] != accounts[1], "{accounts:?}");
        assert_eq!(shell.query("sudo -n id -u").unwrap(), "0");
        assert_eq!(psql.query("select count(*) from orders").unwrap(), "5");
        let sessions = self.database.installation.sessions().unwrap();
        let mut records: Vec<_> = sessions.iter().map(|session| session["record"].as_str().unwrap()).collect();
        records.sort_unstable();
        assert_eq!(records, ["orders", "web01"]);
        ([shell, psql], accounts)
    }

    async fn as_before(&self, what: &str) {
        self.machine.as_before(what).unwrap();
        self.database.as_before(what).await.unwrap();
    }
}

async fn on(flavour: Flavour, host: host::Flavour) {
    let database = World::new(flavour, "").await.unwrap();
    let machine = MachineWorld::of(&database.installation, host, "").unwrap();
    let _running = database.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let web01 = || MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    machine::apply(&["alice"], &[(&machine, web01())], &["orders"], None).unwrap();
    let both = Both { database, machine };

    let (clients, first) = both.open();
    for client in clients {
        client.leave().unwrap();
    }
    both.as_before("a person who left both").await;

    let (mut clients, second) = both.open();
    assert!(first.iter().all(|name| !second.contains(name)), "nobody gets a name twice");
    let gone = objects::person(&both.database.installation, "alice", &["orders", "web01"], true).unwrap();
    both.database.installation.must(&["apply", "-f", "-"], &gone).unwrap();
    for client in &mut clients {
        wait::until("the client hears of it", LIMIT, || Ok(client.query("select 1").is_err())).unwrap();
    }
    both.as_before("a person who was disabled while on both").await;
    machine::apply(&["alice"], &[(&both.machine, web01())], &["orders"], None).unwrap();

    // What one target cannot give back yet keeps nothing on the other.
    let (clients, accounts) = both.open();
    both.machine.host.link_down().unwrap();
    drop(clients);
    let is_out = || Ok(both.database.accounts()? == 0 && !both.database.installation.owed()?.is_empty());
    wait::until("the database is left while the host is owed", LIMIT, is_out).unwrap();
    assert_eq!(both.database.difference().await.unwrap(), "");
    let owed = both.database.installation.owed().unwrap();
    assert!(owed.iter().all(|change| change["account"] == accounts[0].as_str()), "{owed:?}");
    both.machine.host.link_up().unwrap();
    both.as_before("a person on both, with the line to one cut").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_on_a_host_and_in_a_database_leaves_both() {
    on(Flavour::Debian15, host::Flavour::Plain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_on_a_host_with_systemd_and_in_a_newer_database_leaves_both() {
    on(Flavour::Newer, host::Flavour::Systemd).await;
}
