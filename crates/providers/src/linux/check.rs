//! The check of a record: what the host lacks that a session needs, what keeps a person from going round us, and what the
//! administrative account may do beyond that.

use super::Linux;
use super::answer::Answer;
use super::certificates::{self, Others};
use super::connection::{Facts, Way};
use super::helper;
use super::holders;
use super::scan;
use super::script::{self, CHECK};
use super::settings::Settings;
use super::trouble::Trouble;
use super::visit;
use crate::check::{Check, CheckReport, CheckRequest, HelperRequest, Level};
use crate::holders::{Holders, HoldersRequest};
use crate::scan::{Scan, ScanRequest};
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_domain::{Administration, Failure, Permit, Place, TargetId};
use std::time::Duration;

const DOING: &str = "checking the host";
/// A clock that is further off is shown (DESIGN §9).
const SKEW_SHOWN: Duration = Duration::from_secs(5);
/// Without these nothing is made.
const NEEDED: &[&str] = &[
    "getent", "awk", "grep", "find", "cut", "date", "flock", "useradd", "userdel", "usermod", "groupadd", "groupdel",
    "gpasswd", "sshd",
];

#[async_trait]
impl Check for Linux {
    async fn identify(
        &self,
        by: &Administration,
        place: &Place,
        settings: &serde_json::Value,
    ) -> Result<TargetId, Failure> {
        Settings::read(settings)?;
        Ok(self.pool.lease(Permit::Inspect(by), place).await?.facts().target.clone())
    }

    async fn visit(&self, request: &VisitRequest<'_>) -> Result<Option<Box<dyn Visit>>, Failure> {
        visit::log_in(&self.pool, request).await.map(Some)
    }

    fn accepts(&self, settings: &serde_json::Value) -> Result<(), Failure> {
        Settings::read(settings).map(|_| ())
    }

    async fn check(&self, by: &Administration, request: &CheckRequest) -> Result<CheckReport, Failure> {
        let settings = Settings::read(&request.settings)?;
        let lease = self.pool.lease_anew(Permit::Inspect(by), &request.place).await?;
        let values = [
            request.elevate.as_deref().unwrap_or_default(),
            &format!("{}{}", request.prefix.as_str(), "0".repeat(13)),
            &lease.facts().from.to_string(),
            &settings.id_least.to_string(),
            &settings.id_most.to_string(),
            &settings.authority,
            &lease.facts().admin,
        ];
        let mut checked = Checked { facts: lease.facts(), request, report: CheckReport::default() };
        let answer = match lease.run(&CHECK, &values).await {
            Ok(answer) => answer,
            Err(Trouble::NotBegun) => {
                checked.no_root();
                return Ok(checked.report);
            }
            // What the helper does not take is what is missing.
            Err(Trouble::Said(reason)) if reason.starts_with("refused ") => {
                let fix = vec![checked.install()];
                checked.missing(Trouble::Said(reason).failure(DOING).text, fix);
                return Ok(checked.report);
            }
            Err(trouble) => return Err(trouble.failure(DOING)),
        };
        let forwards = lease.facts().way.is_helper() && lease.forwards().await;
        checked.everything(&answer, &settings, forwards).map_err(|trouble| trouble.failure(DOING))?;
        let mut report = checked.report;
        if let (Some(authority), true) = (&request.authority, answer.yes("trusted")) {
            let others = Others { admin: &lease.facts().admin, other: answer.maybe("other").unwrap_or_default() };
            let now = answer.now().map_err(|trouble| trouble.failure(DOING))?;
            let (to, seen) = (&request.place.destination, (lease.facts().from, now));
            certificates::try_others(&self.services, by, to, authority, seen, &others, &mut report).await;
        }
        Ok(report)
    }

    async fn scan(&self, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure> {
        scan::scan(&self.pool, by, request).await
    }

    async fn holders(&self, by: &Administration, request: &HoldersRequest) -> Result<Holders, Failure> {
        holders::holders(&self.pool, by, request).await
    }

    async fn helper(&self, by: &Administration, request: &HelperRequest) -> Result<Option<String>, Failure> {
        helper::install(self, by, request).await.map(Some)
    }
}

/// A report in the making.
struct Checked<'a> {
    facts: &'a Facts,
    request: &'a CheckRequest,
    report: CheckReport,
}

impl Checked<'_> {
    fn missing(&mut self, what: impl Into<String>, fix: Vec<String>) {
        self.report.add(Level::Missing, what, fix);
    }

    fn everything(&mut self, answer: &Answer, settings: &Settings, forwards: bool) -> Result<(), Trouble> {
        self.host(answer)?;
        self.tools(answer);
        self.ids(answer, settings)?;
        self.keys(answer, &settings.authority);
        self.group(answer);
        self.rights(answer, forwards);
        Ok(())
    }

    /// The command whose output, run on the host as root, installs the helper.
    fn install(&self) -> String {
        let endpoint = &self.request.place.destination.endpoint;
        let port = if endpoint.port == 22 { String::new() } else { format!("-p {} ", endpoint.port) };
        format!("mayfly record install-helpers {} | ssh {port}root@{} sh", self.request.record, endpoint.host)
    }

    /// The administrative account is not root and sudo does not let it become root.
    fn no_root(&mut self) {
        let admin = self.facts.admin.escape_default().to_string();
        let fix = vec![self.install()];
        self.missing(format!("{admin} may neither run the helper nor become root on the host without a password"), fix);
    }

    /// Identity and clock.
    fn host(&mut self, answer: &Answer) -> Result<(), Trouble> {
        self.report.ok(format!("the host answers as {}", self.facts.target));
        if self.facts.target.as_str().contains("SHA256:") {
            let fix = vec!["systemd-machine-id-setup || dbus-uuidgen --ensure=/etc/machine-id".to_owned()];
            self.missing("the host has no machine id: with a new host key it would count as another host", fix);
        }
        let now = answer.now()?;
        let skew = now.since(self.request.now).max(self.request.now.since(now));
        if skew > SKEW_SHOWN {
            self.missing(format!("the host's clock is off by {} s: both need NTP", skew.as_secs()), vec![]);
        } else {
            self.report.ok("the host's clock agrees with ours");
        }
        Ok(())
    }

    fn tools(&mut self, answer: &Answer) {
        let absent: Vec<&str> = answer.all("missing").collect();
        let mut good = true;
        for tool in NEEDED.iter().filter(|tool| absent.contains(tool)) {
            good = false;
            self.missing(format!("the host has no program {tool}"), vec![]);
        }
        if good {
            self.report.ok("the host has the programs that accounts are made and removed with");
        }
        if absent.contains(&"setpriv") {
            let what = "the host has no setpriv, so a process that forks fast can outrun its end for a while";
            self.missing(what, vec!["apt install util-linux".to_owned()]);
        }
        if !answer.yes("audit") {
            let what = "the kernel keeps no audit session ids: what a person starts through sudo and leaves running is found only \
                        while its parent runs";
            self.missing(what, vec![]);
        }
    }

    fn ids(&mut self, answer: &Answer, settings: &Settings) -> Result<(), Trouble> {
        let used: u32 = answer.number("used")?;
        let range = format!("{} to {}", settings.id_least, settings.id_most);
        if used > 0 {
            self.report.add(
                Level::Excess,
                format!("{used} accounts with ids from {range} are not ours; no id of theirs is given out, but the range should be ours alone"),
                vec![],
            );
        } else {
            self.report.ok(format!("the ids from {range} are ours alone"));
        }
        Ok(())
    }

    /// Whether the session's key is accepted, and whether the person could add a way of their own.
    fn keys(&mut self, answer: &Answer, authority: &str) {
        if answer.maybe("pubkey") == Some("no") {
            self.missing("sshd accepts no public keys", vec!["PubkeyAuthentication yes".to_owned()]);
        }
        for (list, word) in [("allowusers", "AllowUsers"), ("allowgroups", "AllowGroups")] {
            if answer.maybe(list).is_some_and(|list| !list.contains('*')) {
                let what = format!("sshd lets in only whom {word} names: accounts of ours have to match it");
                self.report.add(Level::NotTried, what, vec![]);
            }
        }
        let patterns: Vec<&str> = answer.maybe("keys").unwrap_or_default().split(' ').collect();
        let outside = patterns.iter().any(|pattern| pattern.starts_with('/') && pattern.contains("%u"));
        let inside = patterns.iter().any(|pattern| !pattern.starts_with('/') && *pattern != "none");
        let trusted = answer.yes("trusted");
        let closed = !inside && (trusted || outside);
        if trusted {
            self.report.ok("sshd trusts this record's authority for our accounts: no key is placed on the host");
        } else if !authority.is_empty() {
            let what = "a session's key is placed on the host, since sshd does not trust this record's authority; this puts the \
                        authority's key where the lines below let sshd find it";
            let level = if closed { Level::Ok } else { Level::Missing };
            self.report.add(level, what, vec![certificates::installation(authority)]);
        }
        let lines = certificates::lines(&self.request.prefix, self.facts.from);
        if !closed {
            let what = "can be bypassed: a person can put a key of their own into the account's home and come past Mayfly while \
                        the session lasts; these lines at the end of /etc/ssh/sshd_config prevent that, once sshd has read them";
            self.report.add(Level::Excess, what, lines);
        } else if trusted {
            self.report.ok("sshd reads no keys that a person could add to an account of ours");
        } else {
            let what = "the keys of our accounts stand where the person cannot change them; with these lines at the end of \
                        /etc/ssh/sshd_config instead of the present ones none would stand on the host";
            self.report.add(Level::Ok, what, lines);
        }
    }

    fn group(&mut self, answer: &Answer) {
        if self.request.lifts_existing {
            let what = "Linux holds no deadline for a membership of an existing account: only Mayfly takes it back";
            self.missing(what, vec![]);
        }
        let Some(group) = &self.request.elevate else { return };
        if answer.maybe("group").is_some() {
            self.report.ok(format!("the group {group:?} is on the host"));
        } else if answer.yes("elsewhere") {
            self.missing(
                format!("the group {group:?} comes from a directory: only a local group can be lifted into"),
                vec![],
            );
        } else {
            self.missing(format!("there is no group {group:?} on the host"), vec![format!("groupadd {group:?}")]);
        }
        if answer.all("missing").all(|tool| tool != "sudo") && !answer.yes("sudoers") {
            let what =
                "sudo does not read /etc/sudoers.d, so accounts without a password could not use what their group may";
            self.missing(what, vec!["@includedir /etc/sudoers.d".to_owned()]);
        }
    }

    /// What the administrative account may do beyond what Mayfly needs.
    fn rights(&mut self, answer: &Answer, forwards: bool) {
        let admin = self.facts.admin.escape_default().to_string();
        let install = vec![self.install()];
        let before = self.report.of(Level::Excess).count() + self.report.of(Level::Missing).count();
        match self.facts.way {
            Way::Root => {
                let what = format!("{admin} is root with a shell: whoever has its key may do anything on the host");
                return self.report.add(Level::Excess, what, install);
            }
            Way::Sudo => {
                let what =
                    format!("{admin} may become root through sudo: whoever has its key may do anything on the host");
                return self.report.add(Level::Excess, what, install);
            }
            Way::Helper | Way::HelperThroughSudo => {}
        }
        for path in answer.all("loose") {
            let what = format!("others than root can change {path:?}: whoever does is root through the helper");
            self.report.add(Level::Excess, what, vec![format!("chown root:root {path:?}; chmod go-w {path:?}")]);
        }
        for line in answer.all("unlisted") {
            self.missing(format!("the helper does not take {line:?}, which the record needs"), install.clone());
        }
        if answer.maybe("digest") != Some(&script::helper_digest()) {
            self.missing("the helper on the host is not the one that this Mayfly installs", install.clone());
        }
        let helper_alone = format!("(root) NOPASSWD: {} \"\"", script::HELPER);
        for rule in answer.all("rule").filter(|rule| *rule != helper_alone) {
            let what = format!("sudo lets {admin} do more than run the helper: {rule:?}");
            self.report.add(Level::Excess, what, vec![format!("sudo -l -U {admin}")]);
        }
        if forwards {
            let what = format!("{admin} reaches ports through the host: its key has to begin with `restrict`");
            self.report.add(Level::Excess, what, install);
        }
        if self.report.of(Level::Excess).count() + self.report.of(Level::Missing).count() > before {
            return;
        }
        if self.facts.way == Way::Helper {
            self.report.ok(format!("{admin} may run the helper and nothing else"));
        } else {
            self.report.ok(format!("{admin} may become root for nothing but the helper; it has a shell"));
        }
    }
}
