//! Looking: whether a change is there and ours, what runs, whether the account can log in. One script each, which takes the
//! lock of the account, so that it waits for whatever is being made or removed.

use super::answer::Answer;
use super::payload::{Account, Companion, Frozen, Membership};
use super::pool::{Lease, Pool};
use super::scope::{ScopeValues, lock_name, recorded_uid};
use super::script::{LOOK_ACCOUNT, LOOK_COMPANION, LOOK_MEMBERSHIP};
use super::trouble::Trouble;
use mayfly_domain::{Failure, Permit};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{LookStep, Presence, SessionScope, Sight};
use std::sync::Arc;

/// Looks at one change.
pub(super) async fn look(pool: &Arc<Pool>, step: &LookStep) -> Result<Sight, Failure> {
    let change = &step.change;
    let frozen = Frozen::read(&change.payload)?;
    let scope = ScopeValues::of(&step.scope)?;
    let lease = pool.lease(Permit::Undo(&step.owed), &change.place).await?;
    lease.require(&change.target)?;
    let sight = match frozen {
        Frozen::AccountV1(account) => {
            // Searching the host takes time; whoever watches a session that lasts does not ask for it.
            let searches = matches!(step.scope, SessionScope::All);
            look_account(&lease, change, &account, &scope, searches).await
        }
        Frozen::MembershipV1(membership) => look_membership(&lease, change, &membership, &scope).await,
        Frozen::CompanionV1(companion) => look_companion(&lease, change, &companion).await,
    };
    sight.map_err(|trouble| trouble.failure(&format!("looking at the account {:?}", change.account.as_str())))
}

async fn look_account(
    lease: &Lease,
    change: &ChangeRow,
    account: &Account,
    scope: &ScopeValues,
    searches: bool,
) -> Result<Sight, Trouble> {
    let name = change.account.as_str();
    let swept = if searches { account.swept.join(" ") } else { String::new() };
    let (lock, uid) = (lock_name(name), recorded_uid(change)?);
    let mut values = vec![lock.as_str(), name, &account.mark, &uid, &account.home, &swept];
    values.extend(scope.values());
    let answer = lease.run(&LOOK_ACCOUNT, &values).await?;
    let presence = match answer.text("found")? {
        "ours" => {
            let uid: u32 = answer.number("uid")?;
            Presence::Ours { native_id: Some(uid.to_string()), leftovers: answer.yes("left") }
        }
        // The account itself has gone, its home or group has not.
        "rest" => Presence::Ours { native_id: change.native_id.clone(), leftovers: false },
        other => absent_or_stranger(other)?,
    };
    sight(&answer, presence)
}

async fn look_membership(
    lease: &Lease,
    change: &ChangeRow,
    membership: &Membership,
    scope: &ScopeValues,
) -> Result<Sight, Trouble> {
    let name = change.account.as_str();
    let (uid, gid) = (membership.uid.to_string(), membership.gid.to_string());
    let (lock, known) = (lock_name(name), known_as_ours(change));
    let mut values = vec![lock.as_str(), name, &uid, &gid, change.id.as_str(), known];
    values.extend(scope.values());
    let answer = lease.run(&LOOK_MEMBERSHIP, &values).await?;
    let presence = match answer.text("found")? {
        "ours" => Presence::Ours { native_id: Some(uid), leftovers: false },
        other => absent_or_stranger(other)?,
    };
    sight(&answer, presence)
}

async fn look_companion(lease: &Lease, change: &ChangeRow, companion: &Companion) -> Result<Sight, Trouble> {
    let (lock, lines) = (lock_name(change.account.as_str()), companion.lines.join("|"));
    let answer = lease.run(&LOOK_COMPANION, &[&lock, &companion.path, &lines, "look"]).await?;
    let presence = match answer.text("found")? {
        "ours" => Presence::Ours { native_id: None, leftovers: false },
        other => absent_or_stranger(other)?,
    };
    Ok(Sight { target_now: answer.now()?, presence, sessions: 0, can_log_in: None, carrier_gone: false })
}

/// Whether the ledger knows a membership as one that we added.
pub(super) const fn known_as_ours(change: &ChangeRow) -> &'static str {
    if change.confirmed && !change.prior { "yes" } else { "no" }
}

fn absent_or_stranger(word: &str) -> Result<Presence, Trouble> {
    match word {
        "absent" => Ok(Presence::Absent),
        "stranger" => Ok(Presence::Stranger),
        _ => Err(Trouble::Garbled),
    }
}

fn sight(answer: &Answer, presence: Presence) -> Result<Sight, Trouble> {
    let can_log_in = match answer.maybe("login") {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        Some(_) => return Err(Trouble::Garbled),
        None => None,
    };
    Ok(Sight {
        target_now: answer.now()?,
        presence,
        sessions: answer.number("sessions")?,
        can_log_in,
        // A shell on the host outlives the connection that started it.
        carrier_gone: false,
    })
}
