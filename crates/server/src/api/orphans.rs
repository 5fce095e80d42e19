//! Orphans: what searches of targets found, their removal, and the claim of an installation that is lost.

use super::Api;
use super::administrator::{Administrator, Cleanup, LocalSocket, Read, Records};
use super::cleanup::owed;
use super::problem::{Body, Refusal};
use super::sessions::check_reason;
use crate::orders;
use crate::orphans::{self, whose};
use crate::owed::records;
use axum::Json;
use axum::extract::State;
use mayfly_access::objects::Record;
use mayfly_access::store::{Claim, Ignored, Orphan, Orphans as _, Scanned};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{Administration, InstallationId};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::Ledger;
use mayfly_providers::Found;
use mayfly_wire::orphans::{ClaimRequest, IgnoreRequest, Orphans, RemoveAnswer, RemoveRequest, ScanRequest, Whose};
use mayfly_wire::problem::Code;
use mayfly_wire::{Page, orphans as wire, paths};
use std::sync::Arc;
use std::time::Duration;

/// The longest time for which nobody wants to hear of an account.
const IGNORED_MOST: u64 = 366 * 86_400;

fn worded(api: &Api, claimed: &[InstallationId], orphan: Orphan) -> wire::Orphan {
    let whose = whose(api.context.store.installation(), claimed, orphan.mark.as_ref());
    let now = api.context.clock.wall();
    wire::Orphan {
        account: orphan.account.to_string(),
        record: orphan.record.to_string(),
        target: orphan.target.to_string(),
        native_id: orphan.native_id,
        whose,
        removable: matches!(whose, Whose::Ours | Whose::Claimed),
        installation: orphan.mark.as_ref().map(|mark| mark.installation.to_string()),
        session: orphan.mark.as_ref().map(|mark| mark.session.to_string()),
        deadline: orphan.deadline.map(|at| at.to_string()),
        made: orphan.made.map(|at| at.to_string()),
        last_log_in: orphan.last_log_in.map(|at| at.to_string()),
        can_log_in: orphan.can_log_in,
        sessions: orphan.sessions,
        first_seen: orphan.first_seen.to_string(),
        last_seen: orphan.last_seen.to_string(),
        ignored: orphan.ignored.filter(|ignored| ignored.until > now).map(|ignored| wire::Ignored {
            by: ignored.by,
            reason: ignored.reason,
            until: ignored.until.to_string(),
        }),
    }
}

fn scanned(record: &Record, scans: &[Scanned]) -> wire::Scanned {
    let name = &record.resource().name;
    let scan = scans.iter().find(|scan| scan.record == *name);
    let failure = scan.and_then(|scan| scan.failure.as_ref());
    let state = match scan {
        None => "never",
        Some(scan) if scan.failure.is_some() => "not_scanned",
        Some(_) => "scanned",
    };
    wire::Scanned {
        record: name.to_string(),
        state: state.to_owned(),
        at: scan.map(|scan| scan.at.to_string()),
        target: scan.and_then(|scan| scan.target.as_ref().map(ToString::to_string)),
        failure_class: failure.map(|failure| failure.class.as_str().to_owned()),
        failure: failure.map(|failure| failure.text.clone()),
    }
}

async fn all(api: &Api) -> Result<Orphans, Refusal> {
    let context = &api.context;
    let (scans, claimed) = (context.store.scans().await?, orphans::claimed(context).await?);
    let found = context.store.orphans().await?;
    Ok(Orphans {
        scans: records(context).await?.iter().map(|record| scanned(record, &scans)).collect(),
        orphans: found.into_iter().map(|orphan| worded(api, &claimed, orphan)).collect(),
    })
}

/// List what the last searches of targets found, and how they went
#[utoipa::path(
    get,
    path = paths::ORPHANS,
    tag = "orphans",
    responses((status = OK, body = Orphans)),
    security(("token" = ["read"])),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, _: Administrator<Read>) -> Result<Json<Orphans>, Refusal> {
    all(&api).await.map(Json)
}

/// Search targets now
///
/// Changes nothing there. One that cannot be searched is told with the reason.
#[utoipa::path(
    post,
    path = paths::ORPHANS_SCAN,
    tag = "orphans",
    request_body = ScanRequest,
    responses((status = OK, body = Orphans)),
    security(("token" = ["records"])),
)]
pub(super) async fn scan(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Records>,
    Body(request): Body<ScanRequest>,
) -> Result<Json<Orphans>, Refusal> {
    let mut records = records(&api.context).await?;
    if let Some(name) = &request.record {
        records.retain(|record| record.resource().name.as_str() == name);
        if records.is_empty() {
            return Err(Refusal::new(Code::NotFound, format!("there is no record {name}")).next("mayfly ls"));
        }
    }
    orphans::scan_all(&api.context, &by, records).await?;
    let mut answer = all(&api).await?;
    if let Some(name) = request.record {
        answer.scans.retain(|scan| scan.record == name);
        answer.orphans.retain(|orphan| answer.scans.iter().any(|scan| scan.target.as_ref() == Some(&orphan.target)));
    }
    Ok(Json(answer))
}

/// The account of that name that a search found, and the record by which its target is reached.
async fn find(api: &Api, account: &str, record: Option<&str>) -> Result<(Orphan, Record), Refusal> {
    let records = records(&api.context).await?;
    let mut found = api.context.store.orphans().await?;
    found.retain(|orphan| orphan.account.as_str() == account);
    if let Some(name) = record {
        found.retain(|orphan| orphan.record.as_str() == name);
    }
    let orphan = match found.as_slice() {
        [] => {
            let text = format!("no search has found an account {account} for which nothing in the ledger speaks");
            return Err(Refusal::new(Code::NotFound, text).next("mayfly orphans scan"));
        }
        [one] => one.clone(),
        several => {
            let names: Vec<&str> = several.iter().map(|orphan| orphan.record.as_str()).collect();
            let text = format!("{account} is on several targets: name one of their records: {}", names.join(", "));
            return Err(Refusal::new(Code::Conflict, text));
        }
    };
    let there = records.into_iter().find(|record| record.resource().name == orphan.record);
    let gone = || {
        let text = format!("the record {} by which {account} was found is no more: search again", orphan.record);
        Refusal::new(Code::Conflict, text).next("mayfly orphans scan")
    };
    let record = there.ok_or_else(gone)?;
    Ok((orphan, record))
}

/// Remove an account that a search found
///
/// Looks again first. It has to carry our installation's mark, or that of a claimed one, and nothing in the ledger may speak for it.
/// From then on the ledger does, and the removal is tried for ever like every other.
#[utoipa::path(
    post,
    path = paths::ORPHANS_REMOVE,
    tag = "orphans",
    request_body = RemoveRequest,
    responses((status = OK, body = RemoveAnswer)),
    security(("token" = ["cleanup"])),
)]
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Cleanup>,
    Body(request): Body<RemoveRequest>,
) -> Result<Json<RemoveAnswer>, Refusal> {
    let context = &api.context;
    let (orphan, record) = find(&api, &request.account, request.record.as_deref()).await?;
    let account = orphan.account.to_string();
    let Some(found) = look_again(&api, &by, &orphan, &record).await? else {
        context.store.forget(&orphan.target, &orphan.account).await?;
        return Ok(Json(RemoveAnswer { account, was_gone: true, change: None }));
    };
    let Some(mark) = found.mark.clone() else { return Err(not_ours(&orphan)) };
    let claimed = orphans::claimed(context).await?;
    if !matches!(whose(context.store.installation(), &claimed, Some(&mark)), Whose::Ours | Whose::Claimed) {
        return Err(not_ours(&orphan));
    }
    if context.store.ledger_speaks_for(&orphan.target, &orphan.account, Some(&mark), &found.native_id).await? {
        context.store.forget(&orphan.target, &orphan.account).await?;
        let text = format!("{account} is on its way out already, or belongs to a session that runs");
        return Err(Refusal::new(Code::Conflict, text).next("mayfly cleanup ls"));
    }
    let taken_up = mayfly_engine::Orphan {
        provider: orders::provider(&record).to_owned(),
        record: orphan.record.clone(),
        target: orphan.target.clone(),
        place: record.resource().administration(),
        installation: mark.installation,
        session: mark.session,
        native_id: found.native_id,
        can_log_in: found.can_log_in,
        changes: found.changes,
    };
    let change = context.engine.take_up(taken_up, &by).await?;
    context.store.forget(&orphan.target, &orphan.account).await?;
    let change = context.store.change(&change).await?.map(owed);
    Ok(Json(RemoveAnswer { account, was_gone: false, change }))
}

fn not_ours(orphan: &Orphan) -> Refusal {
    let text = match &orphan.mark {
        Some(mark) => format!(
            "{} carries the mark of installation {}: it is not ours to remove",
            orphan.account, mark.installation
        ),
        None => format!("{} carries no mark of ours: it is not ours to remove, whatever its name", orphan.account),
    };
    let refusal = Refusal::new(Code::Conflict, text);
    match &orphan.mark {
        Some(mark) => refusal.next(format!(
            "mayfly orphans claim-installation {} --reason … (only where that installation is lost for ever)",
            mark.installation
        )),
        None => refusal,
    }
}

/// What is there now; `None` when it is gone.
async fn look_again(
    api: &Api,
    by: &Administration,
    orphan: &Orphan,
    record: &Record,
) -> Result<Option<Found>, Refusal> {
    let scan = orphans::look(&api.context, by, record).await?;
    if scan.target != orphan.target {
        let text = format!("{} leads to {} by now, not to {}: search again", orphan.record, scan.target, orphan.target);
        return Err(Refusal::new(Code::Conflict, text).next("mayfly orphans scan"));
    }
    let found = scan.found.into_iter().find(|found| found.account == orphan.account);
    match found {
        Some(found) if found.native_id != orphan.native_id => {
            let text = format!("{} is another account by now: search again", orphan.account);
            Err(Refusal::new(Code::Conflict, text).next("mayfly orphans scan"))
        }
        other => Ok(other),
    }
}

/// Hear of an account no more for a time
#[utoipa::path(
    post,
    path = paths::ORPHANS_IGNORE,
    tag = "orphans",
    request_body = IgnoreRequest,
    responses((status = OK, body = wire::Ignored)),
    security(("token" = ["cleanup"])),
)]
pub(super) async fn ignore(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Cleanup>,
    Body(request): Body<IgnoreRequest>,
) -> Result<Json<wire::Ignored>, Refusal> {
    let reason = needed(&request.reason)?;
    if request.for_s == 0 || request.for_s > IGNORED_MOST {
        return Err(Refusal::new(Code::Invalid, "an account is ignored for a second at least and a year at most"));
    }
    let (orphan, _) = find(&api, &request.account, request.record.as_deref()).await?;
    let until = api.context.clock.wall().plus(Duration::from_secs(request.for_s));
    let ignored = Ignored { by: by.by().to_owned(), reason: reason.clone(), until };
    let mut event = api.context.event(EventKind::OrphanIgnored, by.by()).with("until", until);
    event.record = Some(orphan.record);
    event.target = Some(orphan.target.to_string());
    event.account = Some(orphan.account.to_string());
    event.reason = Some(reason.clone());
    if !api.context.store.ignore(&orphan.target, &orphan.account, ignored, vec![event]).await? {
        let text = format!("{} is not among what searches found any more", orphan.account);
        return Err(Refusal::new(Code::Conflict, text).next("mayfly orphans ls"));
    }
    Ok(Json(wire::Ignored { by: by.by().to_owned(), reason, until: until.to_string() }))
}

fn needed(reason: &str) -> Result<String, Refusal> {
    check_reason(Some(reason))?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Refusal::new(Code::Invalid, "this needs a reason"));
    }
    Ok(reason.to_owned())
}

/// List the installations whose leavings are ours to remove
#[utoipa::path(
    get,
    path = paths::CLAIMS,
    tag = "orphans",
    responses((status = OK, body = Page<wire::Claim>)),
    security(("token" = ["read"])),
)]
pub(super) async fn claims(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
) -> Result<Json<Page<wire::Claim>>, Refusal> {
    let claims = api.context.store.claims().await?;
    Ok(Json(Page { items: claims.into_iter().map(claim_worded).collect(), next: None }))
}

fn claim_worded(claim: Claim) -> wire::Claim {
    wire::Claim {
        installation: claim.installation.to_string(),
        by: claim.by,
        reason: claim.reason,
        at: claim.at.to_string(),
    }
}

/// Claim an installation whose store is lost: what it left on targets is ours to remove from now on
#[utoipa::path(
    post,
    path = paths::CLAIMS,
    tag = "orphans",
    request_body = ClaimRequest,
    responses((status = OK, body = wire::Claim)),
    security(("socket" = [])),
)]
pub(super) async fn claim(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Body(request): Body<ClaimRequest>,
) -> Result<Json<wire::Claim>, Refusal> {
    let reason = needed(&request.reason)?;
    let installation = InstallationId::parse(&request.installation)
        .map_err(|error| Refusal::new(Code::Invalid, format!("this is not the id of an installation: {error}")))?;
    if installation == *api.context.store.installation() {
        return Err(Refusal::new(Code::Conflict, "that is this installation: its marks are its own"));
    }
    let claim = Claim { installation, by: by.in_full(), reason, at: api.context.clock.wall() };
    let event = api.context.event(EventKind::InstallationClaimed, by.by());
    let mut event = event.with("installation", &claim.installation).with("by", by.in_full());
    event.reason = Some(claim.reason.clone());
    if !api.context.store.claim(claim.clone(), vec![event]).await? {
        return Err(Refusal::new(Code::Conflict, format!("{} is claimed already", claim.installation)));
    }
    Ok(Json(claim_worded(claim)))
}
