//! The contract of providers, held against real hosts.

use super::host::{Reach, Session, Target};
use crate::rig::Os;
use async_trait::async_trait;
use mayfly_contract::suite::{Rig, Visitor};
use mayfly_domain::{Entropy, Secret, WallTime};
use mayfly_engine::ports::provider::{AccountWish, Provider, Wish};
use mayfly_testbed::host::Flavour;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard};

/// A rig of the contract. The cases of one module share a host, one after the other, since a snapshot is of all of it.
pub(super) struct Contract {
    pub(super) target: OwnedMutexGuard<Target>,
    provider: Arc<dyn Provider>,
    /// Whether the host trusts the record's authority.
    pub(super) trusts: bool,
    /// Whether what it takes has to be listed first.
    takes: bool,
}

/// The hosts, each started by the first case that needs it and ended by its watchdog with this process.
static HOSTS: [OnceCell<Arc<Mutex<Target>>>; 6] = [const { OnceCell::const_new() }; 6];

/// What Mayfly keeps on a host for itself, and a directory that systemd makes at a host's first log-in.
const OWN: [&str; 4] =
    ["file | /etc/mayfly", "file | /run/mayfly", "file | /var/lib/mayfly", "file | /run/systemd/transient directory"];

impl Contract {
    /// The host without systemd (0) or the one with it (1), one of the same two that trusts the record's authority (2 and 3), or one
    /// that is administered by the helper (4 and 5).
    pub(super) async fn start(which: usize) -> Self {
        let (trusts, takes) = (which / 2 == 1, which / 2 == 2);
        let start = || async {
            let reach = if takes { Reach::Helper } else { Reach::Shell };
            let target = Target::start(Flavour::ALL[which % 2], reach).await;
            if trusts {
                super::certificates::trust(&target).await;
            }
            Arc::new(Mutex::new(target))
        };
        Self::of(Arc::clone(HOSTS[which].get_or_init(start).await), (trusts, takes)).await
    }

    /// A host without systemd that is kept where the caller says, prepared when it has just been started.
    pub(super) async fn on(host: &OnceCell<Arc<Mutex<Target>>>, prepare: impl FnOnce(&Target)) -> Self {
        let start = async {
            let target = Target::start(Flavour::Plain, Reach::Shell).await;
            prepare(&target);
            Arc::new(Mutex::new(target))
        };
        Self::of(Arc::clone(host.get_or_init(|| start).await), (false, false)).await
    }

    async fn of(target: Arc<Mutex<Target>>, (trusts, takes): (bool, bool)) -> Self {
        let target = target.lock_owned().await;
        let provider = Arc::new(target.subject());
        let rig = Self { target, provider, trusts, takes };
        rig.log_outs_end().await;
        rig
    }

    /// Waits for what logind keeps of log-ins that ended: for 10 s a user manager stays, and would stand in a snapshot of this
    /// case though it belongs to the case before. The administrator's are in no snapshot.
    async fn log_outs_end(&self) {
        const CLOSING: &str = "command -v loginctl > /dev/null || exit 1
             for user in $(loginctl list-users --no-legend | awk '$2 != \"mayfly\" { print $1 }'); do loginctl show-user -p State \"$user\" || :
             done | grep -q '^State=closing$'";
        for _ in 0..300 {
            if !self.holds(CLOSING, &[]) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("log-ins of an earlier case are still closing");
    }

    /// The same host, to which nobody has a connection yet.
    pub(super) fn renewed(rig: Self) -> Self {
        let provider = Arc::new(rig.target.subject());
        Self { provider, ..rig }
    }

    /// Writes a line into the helper's configuration, as the host's administrator does for whatever it shall take.
    pub(super) fn take(&self, key: &str, value: &str) {
        if self.takes {
            let script = "printf '%s %s\\n' \"$1\" \"$2\" >> /etc/mayfly/helper.conf";
            self.target.run(&["sh", "-euc", script, "sh", key, value]).unwrap();
        }
    }

    /// Runs a script with a name as its `$1`.
    fn with(&self, name: &str, script: &str) -> String {
        self.target.run(&["sh", "-euc", script, "sh", name]).unwrap()
    }

    /// Everything on the host that is not Mayfly's own, processes too, once it is as `before`; or what differs in the end.
    pub(super) async fn settled(&self, before: &[String]) -> String {
        let mut difference = String::new();
        for _ in 0..100 {
            let after = self.everything();
            let came = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}\n"));
            let went = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}\n"));
            difference = came.chain(went).collect();
            if difference.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        difference
    }

    /// Everything on the host that is not Mayfly's own: its locks, and the highest id so far.
    pub(super) fn everything(&self) -> Vec<String> {
        let own = |line: &str| OWN.iter().any(|own| line.starts_with(own));
        self.target.snapshot().unwrap().lines().filter(|line| !own(line)).map(str::to_owned).collect()
    }

    fn holds(&self, script: &str, names: &[&str]) -> bool {
        let args = [&["sh", "-euc", script, "sh"], names].concat();
        self.target.output(&args).unwrap().status.success()
    }
}

#[async_trait]
impl Rig for Contract {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider)
    }

    fn seed(&self) -> u64 {
        u64::try_from(Os.bits() & u128::from(u64::MAX)).unwrap()
    }

    fn wish(&self, account: AccountWish, group: Option<&str>) -> Wish {
        if let AccountWish::Create { mark, .. } = &account {
            self.take("installation", mark.installation.as_str());
        }
        Wish {
            provider: "linux".to_owned(),
            place: self.target.place(),
            account,
            elevate: group.map(str::to_owned),
            exclusive: true,
            end_other_sessions: true,
            settings: serde_json::json!({"authority": self.target.authority.public_line()}),
        }
    }

    async fn create_account(&self, name: &str) {
        // A home whose name does not depend on the account's, which may be one that no path should have.
        self.with(
            name,
            "home=/home/p$(printf %s \"$1\" | md5sum | cut -c 1-12)
             useradd --badname --create-home --home-dir \"$home\" --shell /bin/bash --password '*' -- \"$1\"
             install -d -m 700 \"$home/.ssh\"
             cp /run/people.pub \"$home/.ssh/authorized_keys\"
             chown -R \"$(stat -c %u:%g \"$home\")\" \"$home/.ssh\"",
        );
        let uid = self.with(name, "a=$1 awk -F: '$1 == ENVIRON[\"a\"] { print $3 }' /etc/passwd");
        self.take("account", &format!("{} {name}", uid.trim()));
    }

    async fn create_group(&self, name: &str) {
        self.with(
            name,
            "gid=2$(/usr/bin/date +%N | cut -c 1-4)
             while getent group \"$gid\" > /dev/null; do gid=$((gid + 1)); done
             printf '%s:x:%s:\\n' \"$1\" \"$gid\" >> /etc/group; printf '%s:!::\\n' \"$1\" >> /etc/gshadow",
        );
        self.take("group", name);
    }

    async fn add_member(&self, account: &str, group: &str) {
        self.target.run(&["gpasswd", "-a", account, group]).unwrap();
    }

    async fn is_member(&self, account: &str, group: &str) -> bool {
        let script = "members=$(a=$1 g=$2 awk -F: '$1 == ENVIRON[\"g\"] { print $4 }' /etc/group)
                      case \",$members,\" in *,\"$1\",*) exit 0 ;; *) exit 1 ;; esac";
        self.holds(script, &[account, group])
    }

    async fn remove_account(&self, name: &str) {
        // 12 says that the account was in use; it is gone all the same.
        let _ = self.target.output(&["userdel", "--remove", "--force", "--", name]).unwrap();
        assert!(!self.has_account(name).await);
    }

    async fn rename_account(&self, from: &str, to: &str) -> bool {
        self.target.run(&["usermod", "--login", to, "--", from]).unwrap();
        true
    }

    async fn has_account(&self, name: &str) -> bool {
        self.holds("test -n \"$(a=$1 awk -F: '$1 == ENVIRON[\"a\"]' /etc/passwd)\"", &[name])
    }

    async fn own_something(&self, account: &str, _: &Secret) {
        self.target.run(&["su", account, "-c", "mkdir /tmp/left-$LOGNAME && echo x > /tmp/left-$LOGNAME/x"]).unwrap();
    }

    async fn log_in(&self, account: &str, secret: Option<&Secret>) -> Option<Box<dyn Visitor>> {
        let session = self.target.log_in(account, secret)?;
        Some(Box::new(session))
    }

    async fn now(&self) -> WallTime {
        self.target.now()
    }

    async fn snapshot(&self) -> String {
        let snapshot = self.everything();
        // Who is logged in does not belong in it.
        let of_log_ins = ["process | ", "mount | /run/user/", "file | /run/user/"];
        let counts = |line: &&String| !of_log_ins.iter().any(|kind| line.starts_with(kind));
        let lines: Vec<&str> = snapshot.iter().filter(counts).map(String::as_str).collect();
        lines.join("\n")
    }

    async fn deadline_of(&self, account: &str) -> Option<WallTime> {
        if self.trusts {
            // It stands in the certificate.
            return None;
        }
        let seconds = self.with(
            account,
            "home=$(getent passwd \"$1\" | cut -d: -f6)
             until=$(sed -n 's/.*expiry-time=\"\\([0-9]*\\)Z\".*/\\1/p' \"$home/.ssh/authorized_keys\")
             date -u -d \"$(echo $until | sed 's/^\\(....\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)$/\\1-\\2-\\3 \\4:\\5:\\6/')\" +%s",
        );
        Some(WallTime::from_micros(seconds.trim().parse::<i64>().unwrap() * 1_000_000))
    }

    fn awkward_name(&self) -> String {
        "o'h\"$(x);\\`*&|>".to_owned()
    }

    fn log_in_resolution(&self) -> Duration {
        // The kernel counts the start of a process in hundredths of a second.
        Duration::from_millis(200)
    }
}

#[async_trait]
impl Visitor for Session {
    fn native(&self) -> String {
        self.native.clone()
    }

    async fn is_alive(&mut self) -> bool {
        Session::is_alive(self)
    }
}

mod without_systemd_as_root {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(0));
}

mod by_certificate {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(2));
}

/// By a key that may run nothing but the helper, which becomes root through the one line that sudo has for it.
mod with_systemd_by_the_helper {
    use super::*;
    mayfly_contract::provider_contract!(Contract::start(5));
}
