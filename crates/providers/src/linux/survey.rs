//! The survey: what a launch needs to know before anything is written down or made, and what it would change. It only reads.

use super::answer::Answer;
use super::connection::Facts;
use super::payload::{Account, Certified, Companion, Frozen, Membership};
use super::pool::Pool;
use super::script::SURVEY;
use super::settings::{Settings, is_plain_path};
use super::trouble::Trouble;
use mayfly_domain::{AccountName, Authorised, ChangeKind, Failure, FailureClass, Mark, Permit, WallTime};
use mayfly_engine::ports::provider::{AccountWish, PlannedChange, Survey, SurveyRequest};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const DOING: &str = "looking at the host";

/// The longest name of an account or group (useradd(8)).
const NAME_MOST: usize = 32;

/// How far before the survey a certificate begins to be good, for a host whose clock is set back a little meanwhile.
const BACKDATE: Duration = Duration::from_secs(60);

/// What was read of the host.
struct Seen {
    now: WallTime,
    /// Of the account, if it is there: uid.
    account: Option<u32>,
    has_password: bool,
    has_namesake: bool,
    group: Option<u32>,
    is_member: bool,
    is_elsewhere: bool,
    /// Whether sudo knows the group.
    sudo: bool,
    has_shell: bool,
    homes: String,
    keys: String,
    /// Whether sshd lets the account in by a certificate of the record's authority.
    trusted: bool,
    states: BTreeMap<String, String>,
}

impl Seen {
    fn read(answer: &Answer) -> Result<Self, Trouble> {
        let first = |key: &str| -> Result<Option<u32>, Trouble> {
            let Some(value) = answer.maybe(key) else { return Ok(None) };
            value.split(' ').next().and_then(|text| text.parse().ok()).map(Some).ok_or(Trouble::Garbled)
        };
        Ok(Self {
            now: answer.now()?,
            account: first("account")?,
            has_password: answer.yes("password"),
            has_namesake: answer.yes("namesake"),
            group: first("group")?,
            is_member: answer.yes("member"),
            is_elsewhere: answer.yes("elsewhere"),
            sudo: answer.yes("sudo"),
            has_shell: answer.yes("shell"),
            homes: answer.text("homes")?.to_owned(),
            keys: answer.text("keys")?.to_owned(),
            trusted: answer.yes("trusted"),
            states: answer.states()?,
        })
    }
}

/// Reads, and plans.
pub(super) async fn survey(pool: &Arc<Pool>, permit: &Authorised, request: &SurveyRequest) -> Result<Survey, Failure> {
    let wish = &request.wish;
    let settings = Settings::read(&wish.settings)?;
    let name = wish.account.name();
    check_name(name.as_str(), "an account")?;
    let group = wish.elevate.as_deref();
    if let Some(group) = group {
        check_name(group, "a group")?;
    }
    let lease = pool.lease(Permit::Open(permit), &wish.place).await?;
    let (from, places) = (lease.facts().from, settings.places().join(" "));
    let shown_from = from.to_string();
    let group_name = group.unwrap_or_default();
    let values = [name.as_str(), group_name, &settings.shell, &shown_from, &places, &settings.authority];
    let answer = lease.run(&SURVEY, &values).await.map_err(|trouble| trouble.failure(DOING))?;
    let seen = Seen::read(&answer).map_err(|trouble| trouble.failure(DOING))?;
    let group = group.map(|group| found_group(group, &seen)).transpose()?;
    let changes = match &wish.account {
        AccountWish::Create { name, mark } => account(name, mark, settings, group, from, request, &seen)?,
        AccountWish::Existing { name } => membership(name, &settings, group, lease.facts(), &seen)?,
    };
    Ok(Survey { target: lease.facts().target.clone(), target_now: seen.now, changes })
}

/// Refuses names that the host's files or tools would take for something else.
pub(super) fn check_name(name: &str, what: &str) -> Result<(), Failure> {
    let fault = if name.is_empty() {
        "it is empty"
    } else if name.len() > NAME_MOST {
        "it has more than 32 bytes"
    } else if name.starts_with(['-', '+', '~']) {
        "it begins with a sign that has a meaning of its own"
    } else if name.chars().any(|c| c.is_control() || ":,/".contains(c)) {
        "it has a colon, a comma, a slash or a control character"
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        "it is a number"
    } else {
        return Ok(());
    };
    Err(conflict(format!("{name:?} cannot be the name of {what} on a Linux host: {fault}")))
}

/// The group to lift into, with its id.
fn found_group(name: &str, seen: &Seen) -> Result<(String, u32), Failure> {
    match seen.group {
        Some(0) => Err(conflict("nobody is lifted into the group with the id 0".to_owned())),
        Some(gid) => Ok((name.to_owned(), gid)),
        None if seen.is_elsewhere => Err(conflict(format!(
            "the group {name:?} comes from a directory and not from the host: only a local group can be lifted into"
        ))),
        None => Err(conflict(format!("there is no group {name:?} on the host to lift into"))),
    }
}

/// The account that would be made, and what lets it use sudo.
fn account(
    name: &AccountName,
    mark: &Mark,
    settings: Settings,
    group: Option<(String, u32)>,
    from: IpAddr,
    request: &SurveyRequest,
    seen: &Seen,
) -> Result<Vec<PlannedChange>, Failure> {
    let shown = name.as_str();
    if seen.account.is_some() || seen.has_namesake {
        return Err(conflict(format!("an account or group {shown:?} exists already and is not touched")));
    }
    if !seen.has_shell {
        return Err(conflict(format!("the host has no shell {}: set `shell` in the record", settings.shell)));
    }
    if seen.keys == "none" && !seen.trusted {
        let text = "sshd on the host reads no keys (`AuthorizedKeysFile none`) and does not trust the record's authority \
                    (`mayfly record check` prints the lines)";
        return Err(conflict(text.to_owned()));
    }
    if !is_plain_path(&seen.homes) {
        return Err(conflict("the HOME of `useradd -D` on the host is not a plain absolute path".to_owned()));
    }
    let home = format!("{}/{shown}", seen.homes.trim_end_matches('/'));
    let root = group.is_some() && seen.sudo;
    let native_ids = settings.id_least..=settings.id_most;
    let certificate = seen.trusted.then(|| Certified { from, valid_from: seen.now.minus(BACKDATE) });
    let frozen = Frozen::AccountV1(Account {
        mark: mark.to_string(),
        id_least: settings.id_least,
        id_most: settings.id_most,
        swept: settings.places(),
        shell: settings.shell,
        keys: if seen.trusted { String::new() } else { key_file(&seen.keys, shown, &home) },
        home,
        valid_until: seen.now.plus(request.lifetime),
        group: group.clone(),
        root,
        states: seen.states.clone(),
        certificate,
        forwarding: settings.forwarding,
    });
    let mut changes = vec![PlannedChange {
        kind: ChangeKind::Account,
        account: name.clone(),
        group: group.map(|(name, _)| name),
        prior: false,
        payload: frozen.payload()?,
        depends_on: Vec::new(),
        native_ids: Some(native_ids),
    }];
    if root {
        changes.push(companion(name)?);
    }
    Ok(changes)
}

/// The membership that would be added to an existing account, and what lets it use sudo.
fn membership(
    name: &AccountName,
    settings: &Settings,
    group: Option<(String, u32)>,
    facts: &Facts,
    seen: &Seen,
) -> Result<Vec<PlannedChange>, Failure> {
    let shown = name.as_str();
    let Some(uid) = seen.account else {
        return Err(conflict(format!("there is no account {shown:?} on the host")));
    };
    if shown == facts.admin || uid == facts.uid {
        return Err(conflict("the administrative account itself cannot be used for sessions".to_owned()));
    }
    let Some((group, gid)) = group else { return Ok(Vec::new()) };
    if uid == 0 {
        return Err(conflict(format!("{shown:?} is root: it cannot be lifted further")));
    }
    let frozen = Frozen::MembershipV1(Membership {
        uid,
        gid,
        root: seen.sudo,
        swept: if seen.sudo { settings.places() } else { Vec::new() },
        states: seen.states.clone(),
    });
    let mut changes = vec![PlannedChange {
        kind: ChangeKind::Membership,
        account: name.clone(),
        group: Some(group),
        prior: seen.is_member,
        payload: frozen.payload()?,
        depends_on: Vec::new(),
        native_ids: None,
    }];
    if seen.sudo && !seen.has_password {
        changes.push(companion(name)?);
    }
    Ok(changes)
}

/// The file that spares an account without a password the question for it. It allows nothing that the rules of the group do
/// not: only where a rule itself says `PASSWD`, sudo still asks.
pub(super) fn companion(name: &AccountName) -> Result<PlannedChange, Failure> {
    let shown = name.as_str();
    let plain = shown.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !plain {
        return Err(conflict(format!(
            "{shown:?} has no password, and its name has signs that a rule of sudo could not be written for"
        )));
    }
    // sudo passes over files with a dot in their names; `+` is in no account's.
    let path = format!("/etc/sudoers.d/mayfly-{}", shown.replace('.', "+"));
    let lines = vec![
        "# Made by Mayfly for one session and removed after it.".to_owned(),
        format!("Defaults:{shown} !authenticate"),
    ];
    Ok(PlannedChange {
        kind: ChangeKind::Companion,
        account: name.clone(),
        group: None,
        prior: false,
        payload: Frozen::CompanionV1(Companion { path, lines }).payload()?,
        depends_on: vec![0],
        native_ids: None,
    })
}

/// Where the key of an account goes, by sshd's `AuthorizedKeysFile` (sshd_config(5)): a place of its own outside its home, where
/// there is one, and otherwise the first one in it.
pub(super) fn key_file(patterns: &str, name: &str, home: &str) -> String {
    let of_account = |pattern: &str| pattern.replace("%h", home).replace("%u", name).replace("%%", "%");
    let outside = patterns.split_whitespace().find(|pattern| pattern.starts_with('/') && pattern.contains("%u"));
    let file = outside.map(of_account).filter(|file| is_plain_path(file));
    file.unwrap_or_else(|| {
        let inside = patterns.split_whitespace().map(of_account).find_map(|file| {
            let file = if file.starts_with('/') { file } else { format!("{home}/{file}") };
            (file.starts_with(&format!("{home}/")) && is_plain_path(&file)).then_some(file)
        });
        inside.unwrap_or_else(|| format!("{home}/.ssh/authorized_keys"))
    })
}

fn conflict(text: String) -> Failure {
    Failure::new(FailureClass::Conflict, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_outside_the_home_where_sshd_looks_there() {
        let file = |patterns| key_file(patterns, "keeper_0", "/home/keeper_0");
        assert_eq!(file(".ssh/authorized_keys .ssh/authorized_keys2"), "/home/keeper_0/.ssh/authorized_keys");
        assert_eq!(file("%h/.ssh/keys"), "/home/keeper_0/.ssh/keys");
        assert_eq!(file(".ssh/authorized_keys /etc/ssh/keys/%u"), "/etc/ssh/keys/keeper_0");
        assert_eq!(file("/etc/ssh/everybody"), "/home/keeper_0/.ssh/authorized_keys");
        assert_eq!(file(""), "/home/keeper_0/.ssh/authorized_keys");
        assert_eq!(file("/etc/ssh/../%u"), "/home/keeper_0/.ssh/authorized_keys");
    }

    #[test]
    fn names_that_tools_take_for_something_else_are_refused() {
        for good in ["alice", "o'hara \"x\"; drop", "a b", "ä"] {
            assert!(check_name(good, "an account").is_ok(), "{good}");
        }
        let long = "a".repeat(33);
        for bad in ["", "-a", "+a", "~a", "a:b", "a,b", "a/b", "a\nb", "a\0b", "123", long.as_str()] {
            assert_eq!(check_name(bad, "an account").unwrap_err().class, FailureClass::Conflict, "{bad:?}");
        }
    }

    #[test]
    fn the_file_for_sudo_is_one_that_sudo_reads() {
        let planned = companion(&AccountName::existing("anna.b")).unwrap();
        let Frozen::CompanionV1(companion) = Frozen::read(&planned.payload).unwrap() else { panic!("another kind") };
        assert_eq!(companion.path, "/etc/sudoers.d/mayfly-anna+b");
        assert_eq!(companion.lines[1], "Defaults:anna.b !authenticate");
        assert!(super::companion(&AccountName::existing("a b")).is_err());
    }
}
