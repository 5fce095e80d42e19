//! An administrator's first week, in one piece against one installation: it is set up as the README says, and nothing else; people work on a host and in a database, a colleague leaves
//! in mid-session, the server is killed, its disk is lost and a backup put back; in the end an auditor says from the trail alone who
//! each account on the targets was, and finds an entry that was changed.

use crate::readme;
use mayfly_e2e::machine::{self, MachineRecord};
use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, MachineWorld, Prompt, Server, World, wait};
use mayfly_testbed::{Flavour, host, scratch};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

struct Week {
    database: World,
    machine: MachineWorld,
    /// Which person each account on a target was, as whoever sat there saw it.
    seen: BTreeMap<String, String>,
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Week {
    fn installation(&self) -> &Installation {
        &self.database.installation
    }

    /// Somebody on both targets.
    fn work(&mut self, person: &str) -> [Prompt; 2] {
        let mut shell = self.machine.open(person, "web01").unwrap();
        let mut psql = self.database.ticket(person, "orders").unwrap().open().unwrap();
        assert_eq!(shell.query("sudo -n id -u").unwrap(), "0");
        assert_eq!(psql.query("select count(*) from orders").unwrap(), "5");
        for account in [shell.query("id -un").unwrap(), psql.query("select current_user").unwrap()] {
            assert!(account.starts_with("keeper_"), "{account}");
            assert_eq!(self.seen.insert(account, person.to_owned()), None, "no name is given twice");
        }
        [shell, psql]
    }

    async fn everything_is_as_before(&self, what: &str) {
        self.machine.as_before(what).unwrap();
        self.database.as_before(what).await.unwrap();
    }

    async fn monday(&mut self) {
        for person in ["alice", "bob"] {
            for client in self.work(person) {
                client.leave().unwrap();
            }
        }
        self.everything_is_as_before("Monday").await;
    }

    /// Bob leaves, and is thrown out of what he has open while Alice works on.
    async fn tuesday(&mut self) {
        let (his, mut hers) = (self.work("bob"), self.work("alice"));
        self.installation().must(&["user", "disable", "bob", "--reason", "left the company"], "").unwrap();
        for mut client in his {
            wait::until("bob is out", LIMIT, || Ok(client.query("select 1").is_err())).unwrap();
        }
        let refused = self.machine.ssh("bob", "web01", &["true"]).output().unwrap();
        assert!(!refused.status.success(), "{}", words(&refused));
        assert_eq!(hers[0].query("echo on").unwrap(), "on");
        assert_eq!(hers[1].query("select 1").unwrap(), "1");
        for client in hers {
            client.leave().unwrap();
        }
        self.everything_is_as_before("Tuesday").await;
    }

    /// The server is killed while Alice works; it takes out what it finds.
    async fn wednesday(&mut self, running: Server) -> Server {
        let hers = self.work("alice");
        running.kill_9().unwrap();
        drop(hers);
        let running = self.installation().start().unwrap();
        self.everything_is_as_before("Wednesday").await;
        running
    }

    /// The disk is lost; the backup of the morning is put back, and nothing is done before somebody says so.
    async fn thursday(&mut self, running: Server) -> Server {
        let backup = self.installation().directory().join("thursday.backup");
        let hers = self.work("alice");
        self.installation().must(&["server", "backup", backup.to_str().unwrap()], "").unwrap();
        running.kill_9().unwrap();
        drop(hers);
        std::fs::remove_dir_all(self.installation().data()).unwrap();
        let config = self.installation().config();
        let restore = ["server", "restore", backup.to_str().unwrap(), "--config", config.to_str().unwrap()];
        self.installation().must(&restore, "").unwrap();
        let running = self.installation().start_observing().unwrap();
        let refused = self.machine.ssh("alice", "web01", &["true"]).output().unwrap();
        assert!(!refused.status.success(), "nothing is opened: {}", words(&refused));
        self.installation().must(&["server", "activate", "--reason", "the disk was lost"], "").unwrap();
        let acts = || Ok(self.installation().json(&["status"])?["ready"] == true);
        wait::until("the copy acts", LIMIT, acts).unwrap();
        self.everything_is_as_before("Thursday").await;
        for client in self.work("alice") {
            client.leave().unwrap();
        }
        self.everything_is_as_before("Thursday evening").await;
        running
    }

    /// What an auditor gets, and nothing else of the installation: the checkpoints, and then the trail, so that it holds whatever
    /// they vouch for.
    fn export(&self) -> PathBuf {
        let path = self.installation().directory().join("trail.jsonl");
        let (kept, copy) = (self.installation().directory().join("log/checkpoints"), self.checkpoints());
        std::fs::create_dir(&copy).unwrap();
        for note in std::fs::read_dir(kept).unwrap().map(Result::unwrap).filter(|note| note.path().is_file()) {
            std::fs::copy(note.path(), copy.join(note.file_name())).unwrap();
        }
        let trail = self.installation().must(&["-o", "jsonl", "audit", "tail", "-n", "all"], "").unwrap();
        std::fs::write(&path, trail).unwrap();
        path
    }

    fn checkpoints(&self) -> PathBuf {
        self.installation().directory().join("audited")
    }

    fn verify(&self, export: &Path, key: &str) -> Output {
        let checkpoints = self.checkpoints();
        let [export, checkpoints] = [export, &checkpoints].map(|path| path.to_str().unwrap());
        let arguments = ["audit", "verify", "--export", export, "--checkpoint", checkpoints, "--key", key];
        self.installation().run(&arguments).unwrap()
    }

    /// Nobody of the week stands on the host for good.
    fn nobody_stands(&self) {
        let looked = self.installation().run(&["-o", "json", "report", "standing", "--record", "web01"]).unwrap();
        assert_eq!(looked.status.code(), Some(12), "{}", words(&looked));
        let answer: Value = serde_json::from_slice(&looked.stdout).unwrap();
        let accounts = answer["items"][0]["accounts"].as_array().unwrap();
        let names: Vec<&str> = accounts.iter().map(|account| account["account"].as_str().unwrap()).collect();
        assert_eq!(names, [machine::ADMIN, "root"], "{answer}");
    }

    /// Who each account was, from the trail alone; and what was changed in it is found.
    fn friday(&self) {
        let config = self.installation().config();
        let checked = self.installation().json(&["server", "check", "--config", config.to_str().unwrap()]).unwrap();
        let key = checked["audit_key"].as_str().unwrap();
        let export = self.export();
        let whole = self.verify(&export, key);
        assert!(whole.status.success(), "{}", words(&whole));

        let text = std::fs::read_to_string(&export).unwrap();
        let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (mut persons, mut sessions) = (BTreeMap::new(), BTreeMap::new());
        for entry in &entries {
            let Some(session) = entry["session"].as_str() else { continue };
            if let Some(person) = entry["person"].as_str() {
                let before = persons.insert(session, person);
                assert!(before.is_none_or(|before| before == person), "{entry}");
            }
            if let Some(account) = entry["account"].as_str() {
                sessions.insert(account, session);
            }
        }
        for (account, person) in &self.seen {
            let told = sessions.get(account.as_str()).and_then(|session| persons.get(session));
            assert_eq!(told, Some(&person.as_str()), "{account}");
        }
        for (kind, said) in [("person.disabled", "left the company"), ("server.activated", "the disk was lost")] {
            let found = |entry: &&Value| entry["kind"] == kind && entry["reason"] == said;
            assert!(entries.iter().any(|entry| found(&entry)), "{kind}: {text}");
        }

        // Somebody puts the blame on somebody else.
        let (number, line) = text.lines().enumerate().find(|(_, line)| line.contains("\"person\":\"bob\"")).unwrap();
        let changed = text.replace(line, &line.replace("bob", "eve"));
        std::fs::write(&export, changed).unwrap();
        let found = self.verify(&export, key);
        assert_eq!(found.status.code(), Some(11), "{}", words(&found));
        assert!(words(&found).contains(&number.to_string()), "entry {number}: {}", words(&found));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_week_of_an_administrator() {
    let mut database = World::new(Flavour::Newer, "").await.unwrap();
    let home = scratch::directory("week").unwrap();
    database.installation = Arc::new(readme::follow(&home, &database));
    let machine = MachineWorld::of(&database.installation, host::Flavour::Plain, "").unwrap();
    let running = database.installation.start().unwrap();
    database.as_before("the first five minutes").await.unwrap();
    // A colleague and a host come in addition; nobody in this test has the time to wait half a minute for who might come back.
    let web01 = MachineRecord { elevate: Some("sudo"), ..MachineRecord::new("web01") };
    machine::apply(&["alice", "bob"], &[(&machine, web01)], &["orders"], None).unwrap();
    let handle = database.server.handle();
    let orders = Record::new("orders").yaml(handle, handle.ca_path().to_str().unwrap());
    database.installation.must(&["apply", "-f", "-"], &orders).unwrap();
    let mut week = Week { database, machine, seen: BTreeMap::new() };
    week.monday().await;
    week.tuesday().await;
    let running = week.wednesday(running).await;
    let running = week.thursday(running).await;
    week.nobody_stands();
    week.friday();
    drop((running, week));
    std::fs::remove_dir_all(&home).unwrap();
}
