//! Orphans: accounts on targets that carry a mark and for which nothing in the ledger speaks. Searching only reads; a removal goes
//! through the ledger like every other, and only for marks of ours or of an installation that was claimed for ours.

use crate::context::Context;
use crate::{orders, owed};
use futures_util::{StreamExt, TryStreamExt, stream};
use mayfly_access::objects::Record;
use mayfly_access::store::{Orphan, Orphans as _, Scanned, StoreError};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{Administration, Failure, FailureClass, InstallationId, Mark, TargetId};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::{Ledger, LedgerError};
use mayfly_providers::{Found, Scan, ScanRequest};
use mayfly_wire::orphans::Whose;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many addresses are searched at once.
const AT_ONCE: usize = 8;
/// How often the schedule is looked at.
const TICK: Duration = Duration::from_secs(600);

/// Whose mark an account carries.
pub(crate) fn whose(own: &InstallationId, claimed: &[InstallationId], mark: Option<&Mark>) -> Whose {
    match mark {
        None => Whose::Unmarked,
        Some(mark) if mark.installation == *own => Whose::Ours,
        Some(mark) if claimed.contains(&mark.installation) => Whose::Claimed,
        Some(_) => Whose::Another,
    }
}

/// The installations that were claimed for ours.
///
/// # Errors
/// [`StoreError`] when the store does not answer.
pub(crate) async fn claimed(context: &Context) -> Result<Vec<InstallationId>, StoreError> {
    Ok(context.store.claims().await?.into_iter().map(|claim| claim.installation).collect())
}

/// How many accounts that searches found are ours to remove and not ignored.
///
/// # Errors
/// [`StoreError`] when the store does not answer.
pub(crate) async fn open(context: &Context) -> Result<u64, StoreError> {
    let (claimed, now) = (claimed(context).await?, context.clock.wall());
    let is_open = |orphan: &&Orphan| {
        let whose = whose(context.store.installation(), &claimed, orphan.mark.as_ref());
        matches!(whose, Whose::Ours | Whose::Claimed)
            && orphan.ignored.as_ref().is_none_or(|ignored| ignored.until <= now)
    };
    Ok(context.store.orphans().await?.iter().filter(is_open).count() as u64)
}

/// Why a target could not be searched: it, or our store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    /// The target.
    #[error(transparent)]
    Target(#[from] Failure),
    /// The store.
    #[error(transparent)]
    Access(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Looks at a record's target, and answers what it shows if it is the one that is known to be there.
///
/// # Errors
/// [`ScanError`].
pub(crate) async fn look(context: &Context, by: &Administration, record: &Record) -> Result<Scan, ScanError> {
    let name = orders::provider(record);
    let no_provider = || Failure::new(FailureClass::Bug, format!("this build has no provider {name}"));
    let provider = context.providers.check(name).ok_or_else(no_provider)?;
    let place = record.resource().administration();
    let endpoint = place.destination.endpoint.clone();
    let settings = orders::provider_settings(record, &context.authorities);
    let scan = provider.scan(by, &ScanRequest { place, prefix: context.prefix.clone(), settings }).await?;
    match context.store.known_target(&endpoint).await? {
        Some(known) if known != scan.target => {
            let record = &record.resource().name;
            let text = format!(
                "{endpoint} answers as {}, where {known} was until now: it is searched once `mayfly record pin {record}` has \
                 confirmed it",
                scan.target
            );
            Err(Failure::new(FailureClass::IdentityChanged, text).into())
        }
        _ => Ok(scan),
    }
}

/// Searches a record's target, and notes what was found or why it was not searched.
///
/// # Errors
/// [`StoreError`] when it cannot be noted.
async fn scan(context: &Context, by: &Administration, record: &Record) -> Result<Scanned, StoreError> {
    let name = record.resource().name.clone();
    let mut event = context.event(EventKind::OrphansScanned, by.by());
    event.record = Some(name.clone());
    let (mut scanned, found) = match search(context, by, record).await {
        Ok((target, found)) => {
            event.target = Some(target.to_string());
            (Scanned { record: name, at: context.clock.wall(), target: Some(target), failure: None }, found)
        }
        Err(ScanError::Access(error)) => return Err(error),
        Err(ScanError::Ledger(error)) => return Err(StoreError::Unavailable(error.to_string())),
        Err(ScanError::Target(failure)) => {
            event.reason = Some(failure.text.clone());
            let at = context.clock.wall();
            (Scanned { record: name, at, target: None, failure: Some(failure) }, Vec::new())
        }
    };
    let before = known(context).await?;
    let mut events = vec![event.with("found", found.len())];
    let found: Vec<Orphan> = found
        .into_iter()
        .map(|orphan| match before.get(&(orphan.target.clone(), orphan.account.to_string())) {
            // One of the same name with another identity is another account.
            Some(same) if same.native_id == orphan.native_id => {
                Orphan { first_seen: same.first_seen, ignored: same.ignored.clone(), ..orphan }
            }
            _ => {
                events.push(found_event(context, by, &orphan));
                orphan
            }
        })
        .collect();
    if scanned.failure.is_some() {
        scanned.target = None;
    }
    context.store.scanned(scanned.clone(), found, events).await?;
    Ok(scanned)
}

/// Searches the targets of these records: several addresses at a time, and those that share one in turn, so that what is found is news
/// once.
///
/// # Errors
/// [`StoreError`] when something cannot be noted.
pub(crate) async fn scan_all(context: &Context, by: &Administration, records: Vec<Record>) -> Result<(), StoreError> {
    let mut places: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records {
        let endpoint = record.resource().administration().destination.endpoint.to_string();
        places.entry(endpoint).or_default().push(record);
    }
    let in_turn = async |records: Vec<Record>| {
        for record in &records {
            scan(context, by, record).await?;
        }
        Ok(())
    };
    stream::iter(places.into_values().map(in_turn)).buffer_unordered(AT_ONCE).try_collect().await
}

type Known = BTreeMap<(TargetId, String), Orphan>;

async fn known(context: &Context) -> Result<Known, StoreError> {
    let orphans = context.store.orphans().await?;
    Ok(orphans.into_iter().map(|orphan| ((orphan.target.clone(), orphan.account.to_string()), orphan)).collect())
}

fn found_event(context: &Context, by: &Administration, orphan: &Orphan) -> Event {
    let mut event = context.event(EventKind::OrphanFound, by.by());
    event.record = Some(orphan.record.clone());
    event.target = Some(orphan.target.to_string());
    event.account = Some(orphan.account.to_string());
    event.session = orphan.mark.as_ref().map(|mark| mark.session.clone());
    let mark = orphan.mark.as_ref().map_or_else(|| "none".to_owned(), |mark| mark.installation.to_string());
    event.with("installation", mark).with("native_id", &orphan.native_id)
}

/// What a target shows for which nothing in the ledger speaks.
async fn search(context: &Context, by: &Administration, record: &Record) -> Result<(TargetId, Vec<Orphan>), ScanError> {
    let first = unspoken(context, look(context, by, record).await?).await?;
    if first.1.is_empty() {
        return Ok((first.0, Vec::new()));
    }
    // One that was being removed while we looked is gone by now, and its change is over: only what is still there counts.
    let (target, found) = unspoken(context, look(context, by, record).await?).await?;
    let at = context.clock.wall();
    let orphan = |found: Found| Orphan {
        target: target.clone(),
        account: found.account,
        record: record.resource().name.clone(),
        native_id: found.native_id,
        mark: found.mark,
        deadline: found.deadline,
        made: found.made,
        last_log_in: found.last_log_in,
        can_log_in: found.can_log_in,
        sessions: found.sessions,
        first_seen: at,
        last_seen: at,
        ignored: None,
    };
    let found = found.into_iter().map(orphan).collect();
    Ok((target, found))
}

/// Leaves out what the ledger speaks for. The ledger is asked after the target: whatever was there then was written down before.
async fn unspoken(context: &Context, scan: Scan) -> Result<(TargetId, Vec<Found>), StoreError> {
    let mut found = Vec::new();
    for account in scan.found {
        let (mark, id) = (account.mark.as_ref(), account.native_id.as_str());
        if !context.store.ledger_speaks_for(&scan.target, &account.account, mark, id).await? {
            found.push(account);
        }
    }
    Ok((scan.target, found))
}

/// Searches every target once in each `every`, for as long as the task lives.
pub(crate) async fn on_schedule(context: Arc<Context>, every: Duration) {
    let by = mayfly_domain::authorise::authorise_schedule();
    loop {
        context.clock.sleep_until(context.clock.boot().plus(TICK.min(every))).await;
        if let Err(error) = scan_due(&context, &by, every).await {
            tracing::error!(%error, "Targets could not be searched for orphans; it is tried again");
        }
    }
}

async fn scan_due(context: &Context, by: &Administration, every: Duration) -> Result<(), StoreError> {
    let scans = context.store.scans().await?;
    let now = context.clock.wall();
    let mut due = owed::records(context).await?;
    due.retain(|record| {
        let last = scans.iter().find(|scan| scan.record == record.resource().name).map(|scan| scan.at);
        last.is_none_or(|at| at.plus(every) <= now || at > now)
    });
    scan_all(context, by, due).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::SessionId;

    #[test]
    fn only_our_mark_and_claimed_ones_are_ours() {
        let id = |last: char| InstallationId::parse(&format!("ins_000000000000000{last}")).unwrap();
        let mark = |last| Mark { installation: id(last), session: SessionId::parse("ses_0000000000000000").unwrap() };
        let claimed = [id('2')];
        for (found, expected) in [
            (None, Whose::Unmarked),
            (Some(mark('1')), Whose::Ours),
            (Some(mark('2')), Whose::Claimed),
            (Some(mark('3')), Whose::Another),
        ] {
            assert_eq!(whose(&id('1'), &claimed, found.as_ref()), expected);
        }
    }
}
