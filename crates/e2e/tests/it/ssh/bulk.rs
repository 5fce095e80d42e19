//! Much at once through the broker, with the clients that people use: a file of a gigabyte, and a tree of twenty thousand files
//! that goes there by `rsync` and comes back by `git`. What arrives is compared by digest.

use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::{MachineRecord, describe};
use mayfly_testbed::host::Flavour;
use mayfly_testbed::scratch;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const GIGABYTE: usize = 1_000_000_000;
const PART: usize = 100_000_000;
const FOLDERS: usize = 200;
const FILES_IN_EACH: usize = 100;

/// The digest of one file, and of a tree: of its files' names and digests.
const FILE: &str = "sha256sum < big";
const TREE: &str =
    "cd tree; find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";

/// A folder here that goes with the test.
struct Here(PathBuf);

impl Here {
    fn new() -> Self {
        Self(scratch::directory("bulk").unwrap())
    }

    fn shell(&self, script: &str) -> String {
        let output = Command::new("sh").args(["-euc", script]).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", describe(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn world() -> (MachineWorld, mayfly_e2e::Server) {
    let world = MachineWorld::new(Flavour::Plain, "").unwrap();
    let running = world.serve(&["alice"], &[MachineRecord::new("web01")], None).unwrap();
    (world, running)
}

/// OpenSSH's client with all that leads to the broker, as one word for programs that start it themselves.
fn transport(world: &MachineWorld) -> String {
    format!("ssh {} -o BatchMode=yes -p {}", world.options().join(" "), world.installation.ssh_port)
}

fn runs(command: &mut Command, world: &MachineWorld) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}\n{}", describe(&output), world.installation.log());
}

#[test]
fn a_gigabyte_arrives_by_scp() {
    let (world, _running) = world();
    let here = Here::new();
    here.shell(&format!("head -c {GIGABYTE} /dev/urandom > big"));
    let digest = here.shell(FILE);
    let scp = |from: &str, to: &str| {
        let port = world.installation.ssh_port.to_string();
        let mut scp = Command::new("scp");
        scp.current_dir(&here.0).args(world.options()).args(["-q", "-B", "-P", &port, from, to]);
        runs(&mut scp, &world);
    };
    // One session for both ways, and for the look between them.
    let mut shell = world.open("alice", "web01").unwrap();
    shell.query("cd").unwrap();
    scp("big", "alice~web01@localhost:big");
    assert_eq!(shell.query("stat -c %s big").unwrap(), GIGABYTE.to_string());
    assert_eq!(shell.query(FILE).unwrap(), digest);
    // The other way a part of it is enough.
    shell.query(&format!("head -c {PART} big > part")).unwrap();
    scp("alice~web01@localhost:part", "part");
    assert_eq!(here.shell("sha256sum < part"), here.shell(&format!("head -c {PART} big | sha256sum")));
    assert_eq!(std::fs::metadata(here.0.join("part")).unwrap().len(), PART as u64);
    shell.leave().unwrap();
    world.as_before("a file of a gigabyte").unwrap();
}

/// Small files whose contents differ, below folders.
fn plant(tree: &Path) {
    for folder in 0..FOLDERS {
        let path = tree.join(format!("folder {folder}"));
        std::fs::create_dir_all(&path).unwrap();
        for file in 0..FILES_IN_EACH {
            let text = format!("{folder}/{file}\n").repeat(1 + (folder * file) % 40);
            std::fs::write(path.join(format!("file{file}")), text).unwrap();
        }
    }
}

#[test]
fn a_large_tree_goes_by_rsync_and_comes_back_by_git() {
    let (world, _running) = world();
    let here = Here::new();
    plant(&here.0.join("tree"));
    let digest = here.shell(TREE);
    let mut shell = world.open("alice", "web01").unwrap();
    shell.query("cd").unwrap();
    let mut rsync = Command::new("rsync");
    rsync.current_dir(&here.0).args(["-a", "-e", &transport(&world), "tree", "alice~web01@localhost:"]);
    runs(&mut rsync, &world);
    assert_eq!(shell.query(&format!("({TREE})")).unwrap(), digest);
    let commit = "(cd tree; git init -q; git add .; \
                  git -c user.name=alice -c user.email=alice@example.com commit -q -m tree; git rev-parse HEAD)";
    let revision = shell.query(commit).unwrap();
    here.shell("rm -r tree");
    let mut git = Command::new("git");
    git.current_dir(&here.0).env("GIT_SSH_COMMAND", transport(&world)).env("GIT_SSH_VARIANT", "ssh");
    runs(git.args(["clone", "-q", "alice~web01@localhost:tree", "tree"]), &world);
    assert_eq!(here.shell("git -C tree rev-parse HEAD"), revision);
    assert_eq!(here.shell(TREE), digest);
    assert_eq!(here.shell("find tree -name file* | wc -l"), (FOLDERS * FILES_IN_EACH).to_string());
    shell.leave().unwrap();
    world.as_before("a tree of many files").unwrap();
}
