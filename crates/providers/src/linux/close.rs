//! The way out: one script for each verb. Any of them may be repeated, and none touches what is not ours.

use super::answer::Answer;
use super::look::known_as_ours;
use super::payload::{Account, Companion, Frozen, Membership};
use super::pool::{Lease, Pool};
use super::scope::{ScopeValues, lock_name, recorded_uid};
use super::script::{
    DISABLE_ACCOUNT, END_ACCOUNT, END_SOME, HAND_OVER_ACCOUNT, LOOK_COMPANION, REMOVE_ACCOUNT, Script, WITHDRAW,
};
use super::trouble::Trouble;
use mayfly_domain::{Failure, Permit, WallTime};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{CloseStep, CloseVerb, Closed, SessionScope};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Said of a session whose person could do anything on the host.
const HAD_ROOT: &str = "removed; the host was under the person's control";

/// What is compared with what it was at the launch, as the script and as people call it.
const KINDS: &[(&str, &str)] = &[
    ("tools", "the programs that accounts are made and removed with"),
    ("sudoers", "the rules of sudo"),
    ("keys", "root's keys or the settings of sshd"),
    ("units", "units of systemd"),
    ("jobs", "cron or at jobs of root"),
    ("setuid", "programs that run as root whoever starts them"),
    ("accounts", "the accounts with root's id"),
];

/// Does one verb for one change.
pub(super) async fn close(pool: &Arc<Pool>, verb: CloseVerb, step: &CloseStep) -> Result<Closed, Failure> {
    let change = &step.change;
    let frozen = Frozen::read(&change.payload)?;
    let lease = pool.lease(Permit::Undo(&step.owed), &change.place).await?;
    lease.require(&change.target)?;
    let closed = match frozen {
        Frozen::AccountV1(account) => close_account(&lease, verb, step, &account).await,
        Frozen::MembershipV1(membership) => close_membership(&lease, verb, step, &membership).await,
        Frozen::CompanionV1(companion) => close_companion(&lease, verb, change, &companion).await,
    };
    closed.map_err(|trouble| trouble.failure(&format!("{} {:?}", doing(verb), change.account.as_str())))
}

const fn doing(verb: CloseVerb) -> &'static str {
    match verb {
        CloseVerb::Disable => "closing the account",
        CloseVerb::EndSessions => "ending the sessions of the account",
        CloseVerb::Withdraw => "taking back the group of the account",
        CloseVerb::HandOver => "removing what is left of the account",
        CloseVerb::Remove => "removing the account",
    }
}

async fn close_account(lease: &Lease, verb: CloseVerb, step: &CloseStep, account: &Account) -> Result<Closed, Trouble> {
    let change = &step.change;
    let name = change.account.as_str();
    let (lock, uid, swept) = (lock_name(name), recorded_uid(change)?, account.swept.join(" "));
    let common = [lock.as_str(), name, &account.mark, &uid, &account.home];
    let run = async |script: &Script, more: &[&str]| lease.run(script, &[&common[..], more].concat()).await;
    match verb {
        CloseVerb::Disable => run(&DISABLE_ACCOUNT, &[&account.keys]).await.map(|_| Closed::default()),
        CloseVerb::EndSessions if matches!(step.scope, SessionScope::All) => {
            let answer = run(&END_ACCOUNT, &[]).await?;
            Ok(Closed { sessions_left: answer.number("sessions")?, ..Closed::default() })
        }
        // Without an id there was no session yet.
        CloseVerb::EndSessions if uid.is_empty() => Ok(Closed::default()),
        CloseVerb::EndSessions => end_some(lease, step, &uid).await,
        // The group goes with the account.
        CloseVerb::Withdraw => Ok(Closed::default()),
        CloseVerb::HandOver => {
            let answer = run(&HAND_OVER_ACCOUNT, &[&swept]).await?;
            Ok(Closed {
                report: kept(&answer, "was given to root, since it could not be removed"),
                ..Closed::default()
            })
        }
        CloseVerb::Remove => {
            let answer =
                run(&REMOVE_ACCOUNT, &[&account.keys, &swept, if account.root { "yes" } else { "no" }]).await?;
            let mut report = kept(&answer, "is not the home that was made, and stays");
            if account.root && answer.yes("removed") {
                report.extend(had_root(&account.states, &answer)?);
            }
            Ok(Closed { report, ..Closed::default() })
        }
    }
}

/// What is said after a session whose person could do anything on the host: whoever was root can have changed what answers us,
/// so nothing is said of what looks as before.
fn had_root(before: &BTreeMap<String, String>, answer: &Answer) -> Result<Vec<String>, Trouble> {
    let after = answer.states()?;
    let mut report = vec![HAD_ROOT.to_owned()];
    for (kind, what) in KINDS {
        if before.get(*kind) != after.get(*kind) {
            report.push(format!("changed on the host since the launch: {what}"));
        }
    }
    Ok(report)
}

/// What stays, by path.
fn kept(answer: &Answer, why: &str) -> Vec<String> {
    answer.all("kept").map(|path| format!("{path:?} {why}")).collect()
}

async fn close_membership(
    lease: &Lease,
    verb: CloseVerb,
    step: &CloseStep,
    membership: &Membership,
) -> Result<Closed, Trouble> {
    let change = &step.change;
    let name = change.account.as_str();
    let (lock, uid) = (lock_name(name), membership.uid.to_string());
    match verb {
        CloseVerb::EndSessions => end_some(lease, step, &uid).await,
        CloseVerb::Withdraw => {
            let gid = membership.gid.to_string();
            let values =
                [&lock, name, &uid, &gid, change.id.as_str(), known_as_ours(change), &membership.swept.join(" ")];
            let answer = lease.run(&WITHDRAW, &values).await?;
            let gone_at = WallTime::from_micros(answer.number("gone")?);
            let report =
                if membership.root && answer.yes("withdrawn") { vec![HAD_ROOT.to_owned()] } else { Vec::new() };
            Ok(Closed { gone_at: Some(gone_at), report, ..Closed::default() })
        }
        CloseVerb::Disable | CloseVerb::HandOver | CloseVerb::Remove => Ok(Closed::default()),
    }
}

/// Ends the sessions in a scope and says which.
async fn end_some(lease: &Lease, step: &CloseStep, uid: &str) -> Result<Closed, Trouble> {
    let name = step.change.account.as_str();
    let scope = ScopeValues::of(&step.scope)?;
    let lock = lock_name(name);
    let mut values = vec![lock.as_str(), uid];
    values.extend(scope.values());
    let answer = lease.run(&END_SOME, &values).await?;
    let (sessions_left, others): (u32, u32) = (answer.number("sessions")?, answer.number("others")?);
    let foreign = matches!(step.scope, SessionScope::Foreign { .. });
    let what = if foreign { "was opened by none of our connections and told to end" } else { "was told to end" };
    let mut report = Vec::new();
    for line in answer.all("ended") {
        let (pid, since) = line.split_once(' ').ok_or(Trouble::Garbled)?;
        let pid: u32 = pid.parse().map_err(|_| Trouble::Garbled)?;
        let since = WallTime::from_micros(since.parse().map_err(|_| Trouble::Garbled)?);
        report.push(format!("session {pid} of {name:?} since {since} {what}"));
    }
    if others > sessions_left && !foreign {
        let others = others - sessions_left;
        report.push(format!("{others} other sessions of {name:?} are not of this elevation and were left alone"));
    }
    Ok(Closed { sessions_left, report, ..Closed::default() })
}

async fn close_companion(
    lease: &Lease,
    verb: CloseVerb,
    change: &ChangeRow,
    companion: &Companion,
) -> Result<Closed, Trouble> {
    if verb == CloseVerb::Remove {
        let (lock, lines) = (lock_name(change.account.as_str()), companion.lines.join("|"));
        lease.run(&LOOK_COMPANION, &[&lock, &companion.path, &lines, "remove"]).await?;
    }
    Ok(Closed::default())
}
