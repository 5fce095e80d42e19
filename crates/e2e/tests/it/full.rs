//! Drill: the installation's own store is full, then its file system fails. Nothing new is opened; whoever is in is cut in time and
//! their access taken; nothing is lost when the store can be written again. See `docs/drills/store-full.md`.

use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, World, wait};
use mayfly_testbed::{Flavour, scratch};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// A small file system of its own, in a file.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Disk {
    fn new(at: &Path) -> Self {
        let image = scratch::directory("e2e-disk").unwrap();
        let disk = Self { image: image.join("image"), at: at.to_owned() };
        std::fs::File::create(&disk.image).unwrap().set_len(24 << 20).unwrap();
        run("mke2fs", &["-q", "-t", "ext4", "-E", "lazy_itable_init=0", disk.image()]);
        std::fs::create_dir_all(at).unwrap();
        disk.mount();
        std::fs::remove_dir(at.join("lost+found")).unwrap();
        disk
    }

    fn image(&self) -> &str {
        self.image.to_str().unwrap()
    }

    fn mount(&self) {
        run("mount", &["-o", "loop", self.image(), self.at.to_str().unwrap()]);
    }

    /// Puts another disk with the same content in its place. The failed one itself may still be mounted in the namespaces of hosts
    /// that other tests have started meanwhile, and would come back from there as it is.
    fn replace(&mut self) {
        run("umount", &[self.at.to_str().unwrap()]);
        let next = self.image.with_file_name("next");
        std::fs::copy(&self.image, &next).unwrap();
        self.image = next;
        self.mount();
    }

    /// Leaves not a byte free for anybody, root included.
    fn fill(&self) {
        let mut file = std::fs::File::options().create(true).append(true).open(self.at.join("fill")).unwrap();
        for size in [1 << 20, 4096, 1] {
            let piece = vec![7; size];
            while file.write_all(&piece).is_ok() {}
        }
        drop(file.sync_all());
    }

    fn free(&self) {
        std::fs::remove_file(self.at.join("fill")).unwrap();
    }

    /// Makes it fail as it does when the device below fails: what was open for writing cannot be written or brought to disk.
    fn fail(&self) {
        run("mount", &["-o", "remount,abort", self.at.to_str().unwrap()]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.at).output());
        drop(self.image.parent().map(std::fs::remove_dir_all));
    }
}

/// Knocks until the server says that its store cannot be written; what fits into what is left of it may still be.
fn until_unwritable(installation: &Installation, ticket: &Ticket) {
    wait::until("the store cannot be written", LIMIT, || {
        drop(ticket.psql("select 1")?);
        let status = installation.run(&["status"])?;
        Ok(String::from_utf8_lossy(&status.stdout).contains("the store cannot be written"))
    })
    .unwrap();
}

/// Whether an account can still be used.
fn can_log_in(world: &World, account: &str) -> bool {
    world.ask(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{account}' AND rolcanlogin")).unwrap() != "0"
}

/// Sessions of two people, of which one is ended by an administrator and one by its deadline while nothing can be written.
fn ends_while_unwritable(world: &World, break_it: impl FnOnce()) {
    let installation = &world.installation;
    let (alice, bob) = (world.ticket("alice", "orders").unwrap(), world.ticket("bob", "short").unwrap());
    let knocking = world.ticket("alice", "short").unwrap();
    let (mut hers, mut his) = (alice.open().unwrap(), bob.open().unwrap());
    let accounts = [&mut hers, &mut his].map(|psql| psql.query("select current_user").unwrap());
    let sessions = installation.sessions().unwrap();
    let session = sessions.iter().find(|session| session["account"] == accounts[0].as_str()).unwrap()["id"].clone();
    break_it();
    until_unwritable(installation, &knocking);
    let refused = String::from_utf8(knocking.psql("select 1").unwrap().stderr).unwrap();
    assert!(refused.contains("sign-in is not possible at the moment: try again later"), "{refused}");
    // Ending answers, although nothing of it can be written down.
    drop(installation.run(&["sessions", "end", session.as_str().unwrap()]).unwrap());
    wait::until("she is cut", LIMIT, || Ok(hers.query("select 1").is_err())).unwrap();
    wait::until("his deadline cuts him", LIMIT, || Ok(his.query("select 1").is_err())).unwrap();
    for account in &accounts {
        let closed = || Ok(!can_log_in(world, account));
        wait::until("the account is closed", LIMIT, closed).unwrap();
        let inside = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{account}'");
        assert_eq!(world.ask(&inside).unwrap(), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_full_or_fails_opens_nothing_and_loses_nothing() {
    let mut world = World::new(Flavour::Newer, "").await.unwrap();
    let mut disk = None;
    let made = Installation::init_after(|directory| disk = Some(Disk::new(&directory.join("data")))).unwrap();
    world.installation = Arc::new(made);
    let mut disk = disk.unwrap();
    let short = Record { duration: "8s", ..Record::new("short") };
    let running = world.serve(&["alice", "bob"], &[(Record::new("orders"), None), (short, None)]).unwrap();
    let installation = Arc::clone(&world.installation);

    ends_while_unwritable(&world, || disk.fill());
    disk.free();
    wait::until("it is ready again", LIMIT, || Ok(installation.run(&["status"])?.status.success())).unwrap();
    world.as_before("a full store").await.unwrap();
    installation.verify_trail().unwrap();
    // What happened meanwhile follows into the trail.
    let told = ["session.terminated", "session.expired", "session.closed"]
        .map(|kind| installation.events(kind).unwrap().len());
    assert!(told[0] == 1 && told[1] == 1 && told[2] >= 2, "{told:?}");

    ends_while_unwritable(&world, || disk.fail());
    // Only mending the disk helps: the server is gone meanwhile.
    running.kill_9().unwrap();
    disk.replace();
    let _running = installation.start().unwrap();
    world.as_before("a disk that failed").await.unwrap();
    assert_eq!(world.ticket("alice", "orders").unwrap().query("select 1").unwrap(), "1");
    world.all_out().unwrap();
    installation.verify_trail().unwrap();
}
