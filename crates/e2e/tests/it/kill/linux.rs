//! The server is killed while it works on a Linux host. What is seen there is read from outside, through the kernel.

use super::{PEOPLE, Scene, Seen, VISITS, killed_at_any_moment};
use mayfly_e2e::machine::MachineRecord;
use mayfly_e2e::{MachineWorld, Prompt};
use mayfly_testbed::host::Flavour;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

const SETUP: &str = "groupadd ops; useradd --create-home --shell /bin/bash --password '*' deploy; \
                     install -d -m 700 -o deploy -g deploy ~deploy/.ssh";

struct Linux {
    world: MachineWorld,
    bystander: Prompt,
    /// Processes of the existing account that are older than all.
    older: usize,
}

/// Holds the lock of the account files, as every tool that edits them does (lckpwdf(3)).
struct Lock(Child);

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

impl Linux {
    fn path(&self, below: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/{below}", self.world.host.pid()))
    }

    /// The lines of a file of colons that meet a condition.
    fn lines(&self, file: &str, meets: impl Fn(&[&str]) -> bool) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields.filter(|line| meets(line)).map(|line| line.into_iter().map(str::to_owned).collect()).collect()
    }

    /// The status of every process on the host (proc_pid_status(5)).
    fn processes(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("proc")).unwrap();
        // One that ends meanwhile has none.
        entries.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path().join("status")).ok()).collect()
    }

    /// How many processes run as one of our accounts or as the existing one.
    fn running(&self) -> usize {
        let deploy: u32 = self.lines("etc/passwd", |line| line[0] == "deploy")[0][2].parse().unwrap();
        let is_one = |uid: u32| uid == deploy || (65_536..100_000).contains(&uid);
        let uids = |status: &String| -> Option<bool> {
            let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
            Some(line.split_whitespace().any(|uid| uid.parse().is_ok_and(is_one)))
        };
        self.processes().iter().filter(|status| uids(status) == Some(true)).count()
    }
}

impl Scene for Linux {
    type On = MachineWorld;
    type Lock = Lock;
    const TRIFLE: &str = "id -un";
    /// What an account needs to go is several programs on the host, one after the other, of which each takes its time on a
    /// machine with other work.
    const RECOVERED: Duration = Duration::from_secs(30);

    fn target(&self) -> &MachineWorld {
        &self.world
    }

    async fn seen(&self) -> Seen {
        let ours = self.lines("etc/passwd", |line| line.get(4).is_some_and(|gecos| gecos.starts_with("mayfly ins_")));
        // Closed is what has expired on the second day of 1970 (shadow(5)).
        let closed = self.lines("etc/shadow", |line| line[0].starts_with("keeper_") && line.get(7) == Some(&"1"));
        let lifted = self.lines("etc/group", |line| line[0] == "ops" && line[3].split(',').any(|who| who == "deploy"));
        // The first that takes the lock when an account is made; `useradd -D`, which a survey asks, takes none.
        let waits = |status: &&String| status.contains("Name:\tgroupadd\n");
        let waiting = self.processes().iter().filter(waits).count();
        Seen { accounts: ours.len(), closed: closed.len(), lifted: lifted.len(), waiting }
    }

    async fn lock(&self) -> Lock {
        let script = "import fcntl, sys; f = open('/etc/.pwd.lock', 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); \
                      print('held', flush=True); sys.stdin.read()";
        let mut command = self.world.host.command("python3", &["-c", script]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Lock(child)
    }

    fn start(&self, visit: usize) -> Prompt {
        let (person, record) = VISITS[visit];
        self.world.open(person, record).unwrap()
    }

    fn sessions(&self) -> anyhow::Result<usize> {
        Ok(self.running().saturating_sub(self.older))
    }

    fn goes_on(&mut self) {
        assert_eq!(self.bystander.query("id -un; echo $PPID").unwrap().lines().next(), Some("deploy"));
    }
}

async fn on(flavour: Flavour) {
    let mut world = MachineWorld::new(flavour, SETUP).unwrap();
    world.host.write("/home/deploy/.ssh/authorized_keys", world.key.public().unwrap(), 0o644).unwrap();
    let mut bystander = world.direct("deploy").unwrap();
    assert_eq!(bystander.query("id -un").unwrap(), "deploy");
    world.settle().unwrap();
    let made = |name| MachineRecord { elevate: Some("ops"), linger: "0s", ..MachineRecord::new(name) };
    let plain = MachineRecord { elevate: None, ..made("plain") };
    let lift = |name| MachineRecord { launch: Some("deploy"), overlap: true, ..made(name) };
    let secret = std::fs::read_to_string(world.key.path()).unwrap();
    let running = world.serve(&PEOPLE, &[made("grouped"), plain, lift("left"), lift("right")], Some(&secret)).unwrap();
    let mut scene = Linux { world, bystander, older: 0 };
    scene.older = scene.running();
    killed_at_any_moment(scene, running).await;
}

#[tokio::test]
async fn killed_at_any_moment_nothing_is_left_without_systemd() {
    on(Flavour::Plain).await;
}

#[tokio::test]
async fn killed_at_any_moment_nothing_is_left_with_systemd() {
    on(Flavour::Systemd).await;
}
