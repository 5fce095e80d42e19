//! The way out by hand on a Linux host: the scripts that Mayfly itself runs there, each a function, and their calls in order.

use super::look::known_as_ours;
use super::payload::{Account, Companion, Frozen, Membership};
use super::scope::{ScopeValues, lock_name, recorded_uid};
use super::script;
use crate::manual::{comment, quoted};
use mayfly_domain::Failure;
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::SessionScope;

/// Runs one operation in a shell of its own, and ends with what it said where it did not succeed.
const RUN: &str = r#"run() {
    operation=$1
    shift
    said=$("operation_$operation" "$@")
    case $newline$said in
    *"${newline}fail "*)
        printf '%s: %s\n' "$operation" "$said" >&2
        exit 1
        ;;
    esac
    printf '%s: done\n' "$operation"
}
# As a look of Mayfly's, and nothing may be left.
seen() {
    run "$@"
    case $newline$said in
    *"${newline}found ours"* | *"${newline}found rest"*)
        printf 'it is still there: %s\n' "$said" >&2
        exit 1
        ;;
    esac
    echo 'it is gone'
}
"#;

/// The script for a change.
///
/// # Errors
/// When this build cannot read what was written down of it.
pub(super) fn by_hand(change: &ChangeRow) -> Result<String, Failure> {
    let name = change.account.as_str();
    let lock = lock_name(name);
    let (operations, calls) = match Frozen::read(&change.payload)? {
        Frozen::AccountV1(account) => account_calls(change, &account, &lock)?,
        Frozen::MembershipV1(membership) => membership_calls(change, &membership, &lock)?,
        Frozen::CompanionV1(companion) => companion_calls(&companion, &lock),
    };
    let mut text = head(change);
    text.push_str(&script::functions(operations));
    text.push_str(RUN);
    text.push_str("\n# From here on it is about this change alone.\n");
    for (verb, values) in calls {
        let values: Vec<String> = values.iter().map(|value| quoted(&format!("={value}"))).collect();
        text.push_str(&format!("{verb} {}\n", values.join(" ")));
    }
    Ok(text)
}

fn head(change: &ChangeRow) -> String {
    let group = change.group.as_deref().map_or_else(String::new, |group| format!(" in group {group:?}"));
    let mut text = String::from("#!/bin/sh\n");
    for line in [
        format!("What change {} of session {} takes to be undone by hand:", change.id, change.session),
        format!("{} {:?}{group}", change.kind.as_str(), change.account.as_str()),
        format!("on {}, at {}.", change.target, change.place.destination.endpoint),
        "Run it on that host as root: sh this-file. These are the scripts that Mayfly itself runs there; what they are"
            .to_owned(),
        "called with stands at the end.".to_owned(),
    ] {
        text.push_str(&comment(&line));
    }
    text.push_str("set -eu\n[ \"$(id -u)\" -eq 0 ] || { echo 'this is for root' >&2; exit 1; }\n");
    // Where a host has no machine id it is known by its key, which a script on it cannot prove.
    if let Some(machine) = change.target.as_str().strip_prefix("linux:").filter(|id| !id.starts_with("SHA256:")) {
        text.push_str(&format!(
            "[ \"$(cat /etc/machine-id)\" = {} ] || {{ echo 'this is another host than the one on which the change was made' >&2; exit 1; }}\n",
            quoted(machine)
        ));
    }
    text
}

type Calls = (&'static [&'static str], Vec<(String, Vec<String>)>);

fn call(verb: &str, operation: &str, values: &[&str]) -> (String, Vec<String>) {
    (format!("{verb} {operation}"), values.iter().map(|value| (*value).to_owned()).collect())
}

fn account_calls(change: &ChangeRow, account: &Account, lock: &str) -> Result<Calls, Failure> {
    let (uid, swept) = (recorded_uid(change)?, account.swept.join(" "));
    let common = [lock, change.account.as_str(), account.mark.as_str(), uid.as_str(), account.home.as_str()];
    let with = |more: &[&str]| -> Vec<String> { [&common[..], more].concat().into_iter().map(str::to_owned).collect() };
    let scope = ScopeValues::of(&SessionScope::All)?;
    let look = [&[swept.as_str()][..], &scope.values()].concat();
    let calls = vec![
        ("run disable_account".to_owned(), with(&[&account.keys])),
        ("run end_account".to_owned(), with(&[])),
        ("run hand_over_account".to_owned(), with(&[&swept])),
        ("run remove_account".to_owned(), with(&[&account.keys, &swept, "no"])),
        ("seen look_account".to_owned(), with(&look)),
    ];
    Ok((&["disable_account", "end_account", "hand_over_account", "remove_account", "look_account"], calls))
}

fn membership_calls(change: &ChangeRow, membership: &Membership, lock: &str) -> Result<Calls, Failure> {
    if change.prior {
        return Ok((&[], vec![("echo 'it was there before Mayfly and stays'".to_owned(), Vec::new())]));
    }
    let (name, uid, gid) = (change.account.as_str(), membership.uid.to_string(), membership.gid.to_string());
    let mut calls =
        vec![call("run", "withdraw", &[lock, name, &uid, &gid, change.id.as_str(), known_as_ours(change), ""])];
    if change.end_other_sessions {
        let scope = ScopeValues::of(&SessionScope::Between { from: change.held_since, until: None })?;
        calls.push(call("run", "end_some", &[&[lock, uid.as_str()][..], &scope.values()].concat()));
    }
    Ok((&["withdraw", "end_some"], calls))
}

fn companion_calls(companion: &Companion, lock: &str) -> Calls {
    let lines = companion.lines.join("|");
    let calls = vec![call("seen", "look_companion", &[lock, &companion.path, &lines, "remove"])];
    (&["look_companion"], calls)
}
