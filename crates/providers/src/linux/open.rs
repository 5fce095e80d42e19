//! Making changes: one script each, in which the last moment is tested under the lock that looking and removing take. The host
//! gets the public half of the session's key, unless it trusts our authority, and no secret.

use super::answer::Answer;
use super::payload::{Account, Companion, Frozen, Membership};
use super::pool::{Lease, Pool};
use super::scope::lock_name;
use super::script::{FREE_IDS, OPEN_ACCOUNT, OPEN_COMPANION, OPEN_MEMBERSHIP};
use super::trouble::Trouble;
use mayfly_dial::ssh::SshKey;
use mayfly_domain::{Failure, FailureClass, Permit};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{OpenStep, Opened};
use std::sync::Arc;

const MICROS_A_SECOND: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// Makes one change.
pub(super) async fn open(pool: &Arc<Pool>, step: &OpenStep) -> Result<Opened, Failure> {
    let change = &step.change;
    let frozen = Frozen::read(&change.payload)?;
    let lease = pool.lease(Permit::Open(&step.permit), &change.place).await?;
    lease.require(&change.target)?;
    match frozen {
        Frozen::AccountV1(account) => open_account(&lease, step, &account).await,
        Frozen::MembershipV1(membership) => open_membership(&lease, change, &membership).await,
        Frozen::CompanionV1(companion) => open_companion(&lease, change, &companion).await,
    }
}

async fn open_account(lease: &Lease, step: &OpenStep, account: &Account) -> Result<Opened, Failure> {
    let change = &step.change;
    let secret = step
        .secret
        .as_ref()
        .ok_or_else(|| Failure::new(FailureClass::Bug, "an account was to be made without a secret"))?;
    let name = change.account.as_str();
    let ends = account.valid_until.micros().div_euclid(MICROS_A_SECOND);
    // The account expires at 00:00 UTC of a day (shadow(5)): the first one that is wholly after the key's end.
    let expires = ends.div_euclid(SECONDS_A_DAY) + 1;
    let (group, gid) =
        account.group.as_ref().map_or(("", String::new()), |(name, gid)| (name.as_str(), gid.to_string()));
    let values: [&str; 17] = [
        &lock_name(name),
        &change.last_moment.micros().to_string(),
        name,
        &account.mark,
        &account.id_least.to_string(),
        &account.id_most.to_string(),
        &account.shell,
        &account.home,
        &expires.to_string(),
        group,
        &gid,
        &account.keys,
        &SshKey::of_session(secret).public_line(),
        &lease.facts().from.to_string(),
        &ends.to_string(),
        if account.forwarding { "yes" } else { "no" },
        &step.highest_id.map_or_else(String::new, |id| id.to_string()),
    ];
    let doing = format!("making the account {name}");
    let answer = match lease.run(&OPEN_ACCOUNT, &values).await {
        Err(Trouble::Said(reason)) if reason.starts_with("ids") => open_with_used_id(lease, account, &values).await,
        answer => answer,
    };
    let answer = answer.map_err(|trouble| trouble.failure_of_opening(&doing))?;
    let uid: u32 = answer.number("uid").map_err(|trouble| trouble.failure_of_opening(&doing))?;
    Ok(Opened { native_id: Some(uid.to_string()), added: true })
}

/// Once every id of the range was used, one that owns nothing any more is used again. Finding them takes a search of the whole host,
/// which finds all of them; nothing was made before it.
async fn open_with_used_id(lease: &Lease, account: &Account, values: &[&str]) -> Result<Answer, Trouble> {
    let range = [account.id_least.to_string(), account.id_most.to_string()];
    lease.run(&FREE_IDS, &[&range[0], &range[1]]).await?;
    match lease.run(&OPEN_ACCOUNT, values).await {
        // The search took longer than an opening may.
        Err(Trouble::Said(reason)) if reason == "late" => Err(Trouble::Known(Failure::new(
            FailureClass::Busy,
            "every id of the record's range was used; the host has now been searched for ids that own nothing: try again",
        ))),
        answer => answer,
    }
}

async fn open_membership(lease: &Lease, change: &ChangeRow, membership: &Membership) -> Result<Opened, Failure> {
    let name = change.account.as_str();
    let values = [
        &lock_name(name),
        &change.last_moment.micros().to_string(),
        name,
        &membership.uid.to_string(),
        &membership.gid.to_string(),
        change.id.as_str(),
    ];
    let doing = format!("putting the account {name:?} into its group");
    let answer = lease.run(&OPEN_MEMBERSHIP, &values).await.map_err(|trouble| trouble.failure_of_opening(&doing))?;
    Ok(Opened { native_id: Some(membership.uid.to_string()), added: answer.yes("added") })
}

async fn open_companion(lease: &Lease, change: &ChangeRow, companion: &Companion) -> Result<Opened, Failure> {
    let name = change.account.as_str();
    let lines = companion.lines.join("|");
    let values = [&lock_name(name), &change.last_moment.micros().to_string(), companion.path.as_str(), lines.as_str()];
    let doing = format!("letting the account {name:?} use sudo");
    lease.run(&OPEN_COMPANION, &values).await.map_err(|trouble| trouble.failure_of_opening(&doing))?;
    Ok(Opened { native_id: None, added: true })
}
